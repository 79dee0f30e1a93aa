"""The process that runs a stage: `python -m pipeline.engine.worker_process FD`, started by a supervisor.

It speaks pickles over one socket, with its own parent alone: a setup, then an item at a time. While it
works it says which faces it is about to touch. It dies with its parent.
"""

import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from pipeline.errors import PipelineError
from pipeline.reasons import Stage

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Serve until the parent goes."""
    _die_with_the_parent()
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))

    def send(*message: object) -> None:
        pipe.send_bytes(pickle.dumps(message, protocol=5))

    def report(stage: Stage, rows: Sequence[int]) -> None:
        send("at", stage, tuple(rows))

    kind, setup = pickle.loads(pipe.recv_bytes())
    try:
        # Imported here, so that what goes wrong in an import is told to the parent like everything else.
        from pipeline.stages.registry import make_stage  # noqa: PLC0415

        stage = make_stage(kind, setup, report)
    except Exception as error:
        send("error", _portable(error))
        return
    send("ready")
    while True:
        try:
            item, care = pickle.loads(pipe.recv_bytes())
        except EOFError:
            return
        try:
            result = stage(item, care)
        except Exception as error:
            send("error", _portable(error))
        else:
            send("done", result)


def _portable(error: Exception) -> Exception:
    """The error itself where it survives the way to the parent, else its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return PipelineError(f"{type(error).__name__}: {error}")
    return error


def _die_with_the_parent() -> None:
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it went before the line above
            sys.exit(1)


if __name__ == "__main__":
    main()
