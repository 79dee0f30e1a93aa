"""Jobs without Ray: what their workers do well, and how they fail. `sabotage` is told in test_supervisor."""

import threading
from pathlib import Path

import pandas as pd
import pytest

from fpn_core import ProviderError
from pipeline.engine import local as local_engine
from pipeline.engine.local import LocalRunner
from pipeline.errors import JobIncompleteError, ManifestError
from pipeline.job.fingerprint import PreparedJob
from tests.pipeline.engine.test_supervisor import prepare, sabotage  # noqa: F401  # a fixture


def run(prepared: PreparedJob) -> tuple[dict[int, int], list[str]]:
    """Posed faces of each part, and what was said."""
    said: list[str] = []
    entries = list(LocalRunner(prepared.job).run(prepared.parts, said.append))
    return {entry.part: entry.posed for entry in entries}, said


def threads_left() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_work" in thread.name]


@pytest.mark.usefixtures("sabotage")
def test_every_part_is_done_once_and_a_crash_costs_a_face(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared = prepare(tmp_path, [b"", b"", b"", b"CRASH", b""], "output.faces_per_part=2", "engine.cpus=2")
    posed, said = run(prepared)
    assert posed == {0: 2, 1: 1, 2: 1}
    assert said == ["layout: 2 of 2 CPUs do whole parts each, without Ray"]
    rejects = pd.read_parquet(tmp_path / "out/rejects")
    assert rejects[["row", "reason", "attempts"]].to_numpy().tolist() == [[3, "worker_crash", 2]]
    assert threads_left() == []
    assert capfd.readouterr() == ("", "")  # children print into a log, not into the progress


def test_the_error_of_one_worker_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(tmp_path, [b""] * 4, "output.faces_per_part=1", "engine.cpus=2")
    make_item = local_engine.make_item
    # The second part's message is none, which its worker cannot read.
    monkeypatch.setattr(
        local_engine, "make_item", lambda part: {"plan": b"torn"} if part.number == 1 else make_item(part)
    )
    with pytest.raises(JobIncompleteError, match=r"a worker failed: JSONDecodeError: .* the same command"):
        run(prepared)
    assert threads_left() == []


def test_a_job_that_is_left_early_leaves_no_worker(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, [b""] * 6, "output.faces_per_part=1", "engine.cpus=2")
    entries = LocalRunner(prepared.job).run(prepared.parts, lambda text: None)
    next(entries)
    entries.close()  # as an interrupt does
    assert threads_left() == []
    assert len(list((tmp_path / "out/_ledger").iterdir())) < 6


def test_what_fails_as_workers_start_is_told_with_their_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(
        "import os; print('no luck', flush=True); os._exit(3)"
    )
    prepared = prepare(tmp_path, [b""])
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    with pytest.raises(JobIncompleteError, match="lastly with exit code 3; its last words: no luck"):
        run(prepared)


def test_a_manifest_that_is_gone_ends_the_job(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, [b""])
    (tmp_path / "list.txt").unlink()
    with pytest.raises(ManifestError, match=r"list\.txt has changed since the job opened it \(it is gone\)"):
        run(prepared)


def test_a_gpu_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, [b""], "pose.device=cuda")
    with pytest.raises(ProviderError, match="device is 'cuda', but"):
        LocalRunner(prepared.job)
