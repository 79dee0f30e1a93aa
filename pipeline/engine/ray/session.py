"""Starting Ray on this machine, or joining a cluster."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ray

import pipeline
from pipeline.config.settings import EngineSettings
from pipeline.errors import ResourceError


@contextmanager
def ray_session(settings: EngineSettings) -> Iterator[bool]:
    """A running Ray: the caller's own, the cluster that is named, or a quiet local one that stops at the end.

    Gives whether nodes may join it: not one of its own.

    Raises:
        ResourceError: no cluster at the address, a local Ray that does not start, or a module in the folder
        at
            hand that workers would import in place of this package.
    """
    if ray.is_initialized():
        yield True
        return
    _check_nothing_in_the_way(Path.cwd())
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a job reports to nobody
    # `ray job submit` names its cluster in the environment.
    address = settings.address or os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        options |= {"include_dashboard": False, "num_cpus": settings.cpus}
    try:
        with _quiet_start() if address is None else nullcontext(), _own_sigterm():
            ray.init(address=address or "local", **options)
    except Exception as error:  # Ray raises many kinds here, a plain Exception among them
        what = "start a local Ray" if address is None else f"join the Ray cluster at {address!r}"
        raise ResourceError(f"cannot {what}: {_one_line(error)}") from error
    try:
        yield address is not None
    finally:
        ray.shutdown()


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the program's own way to end at SIGTERM, where it has one: Ray puts its own in place, which aborts
    after three seconds and so leaves an orderly end no time."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if callable(handler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Keep the notes that Ray's native code writes to the terminal out of it; its logs keep them.

    The level is read from the environment, and that it was read is itself written to the terminal. Errors
    still come as exceptions. Whoever sets the level sees everything.
    """
    if "RAY_BACKEND_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"
    sys.stderr.flush()
    terminal = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        del os.environ["RAY_BACKEND_LOG_LEVEL"]


def _check_nothing_in_the_way(folder: Path) -> None:
    """Ray puts the driver's folder first on the path of every worker: a module there may stand for this
    package."""
    package = Path(pipeline.__file__).parent
    for name in ("pipeline", "fpn_core", "render_core"):
        for found in (folder / f"{name}.py", folder / name / "__init__.py"):
            if found.is_file() and found.parent.resolve() != package.with_name(name).resolve():
                raise ResourceError(
                    f"{found} would be imported by Ray's workers in place of the package {name} of "
                    "faceposenet; rename it, or start from another folder"
                )


def _one_line(error: Exception) -> str:
    """An error of Ray without its line breaks; versions that differ are told over several lines."""
    return " ".join(str(error).split())
