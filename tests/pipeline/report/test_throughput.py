import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, commit
from pipeline.report.throughput import Throughput, throughput


def write_ledger(folder: Path, start_s: float, commits: list[tuple[float, int]]) -> list[LedgerEntry]:
    """Entries that were committed at such times, with so many faces."""
    out = Folder(str(folder))
    out.write("_job.json", b"{}")
    os.utime(folder / "_job.json", (0, start_s))
    entries = []
    for part, (at_s, faces) in enumerate(commits):
        entries.append(commit(out, LedgerEntry(part, "f", faces, faces, 0, 0, {}), {}))
        os.utime(folder / "_ledger" / f"part-{part:06d}.json", (0, at_s))
    return entries


def test_the_ledger_tells_when_parts_were_done(tmp_path: Path) -> None:
    entries = write_ledger(tmp_path, 1000.0, [(1030.0, 5), (1010.0, 10), (1040.0, 1)])
    speed = throughput(Folder(str(tmp_path)), entries)
    assert speed is not None
    times_s, done = speed.done()
    assert times_s.tolist() == [0, 10, 30, 40]
    assert done.tolist() == [0, 10, 15, 16]
    assert (speed.span_s, speed.faces_per_s) == (40.0, 0.4)
    assert speed.rates() is None  # three commits tell no rate over time


def test_rates_show_a_pause() -> None:
    commit_s = np.concatenate([np.arange(1, 101), np.arange(201, 301)]).astype(float)
    rates, edges_s = Throughput(0.0, commit_s, np.full(200, 7)).rates() or (None, None)
    assert rates is not None and edges_s is not None
    assert edges_s[-1] == 300
    assert (rates * np.diff(edges_s)).sum() == pytest.approx(1400)
    middle = (edges_s[:-1] > 101) & (edges_s[1:] < 200)
    assert (rates[middle] == 0).all()
    assert rates[edges_s[1:] < 100] == pytest.approx(7, rel=0.2)


@pytest.mark.parametrize(
    "commits",
    [[], [(900.0, 5)], [(900.0, 5), (1100.0, 5)], [(1000.0, 5)]],
    ids=["none", "old", "mixed", "copied"],
)
def test_times_that_cannot_be_the_jobs_tell_nothing(tmp_path: Path, commits: list[tuple[float, int]]) -> None:
    assert throughput(Folder(str(tmp_path)), write_ledger(tmp_path, 1000.0, commits)) is None
