"""Running jobs in tests, and all that they wrote."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.config.settings import load_config
from pipeline.engine.quarantine import NO_CARE
from pipeline.job.ledger import LedgerEntry
from pipeline.job.run import run_job
from pipeline.job.summary import Summary
from pipeline.monitor.progress import StageLoad
from pipeline.stages.part import Job, Part, PartWorker


def run(
    manifest: Path, out: Path, *overrides: str, said: list[str] | None = None, append: bool = False
) -> Summary:
    lines: list[str] = [] if said is None else said
    return run_job(str(manifest), str(out), load_config(None, overrides), say=lines.append, append=append)


def files_of(out: Path) -> dict[str, bytes]:
    """All results of a job but its own record and summary, which name times and places."""
    kept = ("poses", "views", "rejects", "_ledger")
    return {str(f.relative_to(out)): f.read_bytes() for kind in kept for f in sorted((out / kind).glob("*"))}


@contextmanager
def in_this_process() -> Iterator[None]:
    """Jobs run without child processes, whose start takes longer than a job of a few faces."""

    class Runner:
        provider, reason = "CPUExecutionProvider", "in this process"
        loads: Sequence[StageLoad] = ()

        def __init__(self, job: Job) -> None:
            self._job = job

        def run(self, parts: Sequence[Part], say: Callable[[str], None]) -> Iterator[LedgerEntry]:
            worker = PartWorker(self._job, "cpu")
            for part in parts:
                yield worker(part, NO_CARE)

    @contextmanager
    def open_runner(job: Job, n_faces: int, say: Callable[[str], None]) -> Iterator[Runner]:
        yield Runner(job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.job.run.open_runner", open_runner)
        yield
