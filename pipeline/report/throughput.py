"""How fast a job went, from when its ledger's entries were written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.io.storage import Folder
from pipeline.job.job_file import JOB_NAME
from pipeline.job.ledger import entry_name

_FEWEST_BINS, _MOST_BINS = 10, 60
_COMMITS_A_BIN = 5
"""Fewer in a bin would show the rhythm of single commits instead of a rate."""


class PartSize(Protocol):
    """What has to be known of a part: a ledger entry has it."""

    @property
    def part(self) -> int: ...

    @property
    def rows(self) -> int: ...


@dataclass(frozen=True)
class Throughput:
    """The commits of a job in their order.

    Files tell when they were last written: those of a folder that was copied may tell when that was.
    """

    start_s: float
    """When the job began, in seconds since 1970: its `_job.json` is written once, before the first part."""
    commit_s: np.ndarray
    """float64 (n,): when each part was committed, rising."""
    faces: np.ndarray
    """int64 (n,): faces of each part, posed or rejected."""

    @property
    def span_s(self) -> float:
        """Seconds from the beginning to the last commit, with the pauses between runs."""
        return float(self.commit_s[-1] - self.start_s)

    @property
    def faces_per_s(self) -> float:
        """Mean rate over the span."""
        return float(self.faces.sum()) / self.span_s

    def done(self) -> tuple[np.ndarray, np.ndarray]:
        """Seconds since the beginning and faces done by then: float64 (n + 1,), int64 (n + 1,)."""
        return (
            np.concatenate([[0.0], self.commit_s - self.start_s]),
            np.concatenate([[0], np.cumsum(self.faces)]),
        )

    def rates(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Faces a second in equal bins of time: float64 (n,), and the bins' edges in seconds since the
        beginning: float64 (n + 1,). None where there are too few commits to tell a rate from."""
        bins = min(_MOST_BINS, len(self.commit_s) // _COMMITS_A_BIN)
        if bins < _FEWEST_BINS:
            return None
        edges = np.linspace(0, self.span_s, bins + 1)
        counts, _ = np.histogram(self.commit_s - self.start_s, edges, weights=self.faces)
        return counts / np.diff(edges), edges


def throughput(out: Folder, entries: Sequence[PartSize]) -> Throughput | None:
    """The commits of a job, or None where the store keeps no times of them, or they are of one moment.

    Raises:
        StorageError: the folder cannot be listed.
    """
    written_s = out.modified_s("_ledger")
    timed = [(written_s.get(entry_name(entry.part).rpartition("/")[2]), entry.rows) for entry in entries]
    known = sorted((at_s, rows) for at_s, rows in timed if at_s is not None)
    start_s = out.modified_s().get(JOB_NAME)
    if not known or len(known) < len(entries) or start_s is None or not start_s < known[-1][0]:
        return None
    commit_s, faces = (np.array(column) for column in zip(*known, strict=True))
    if start_s > commit_s[0]:
        return None
    return Throughput(start_s, commit_s.astype(np.float64), faces.astype(np.int64))
