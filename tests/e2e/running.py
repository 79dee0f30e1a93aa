"""Running jobs in tests, and all that they wrote."""

from pathlib import Path

from pipeline.config.settings import load_config
from pipeline.job.run import run_job
from pipeline.job.summary import Summary


def run(
    manifest: Path, out: Path, *overrides: str, said: list[str] | None = None, append: bool = False
) -> Summary:
    lines: list[str] = [] if said is None else said
    return run_job(str(manifest), str(out), load_config(None, overrides), say=lines.append, append=append)


def files_of(out: Path) -> dict[str, bytes]:
    """All results of a job but its own record and summary, which name times and places."""
    kept = ("poses", "views", "rejects", "_ledger")
    return {str(f.relative_to(out)): f.read_bytes() for kind in kept for f in sorted((out / kind).glob("*"))}
