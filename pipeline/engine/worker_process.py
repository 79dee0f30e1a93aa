"""The process that runs a stage: `python -m pipeline.engine.worker_process FD`, started by a supervisor.

It talks over one socket, with its own parent alone (see `pipeline.engine.messages`): a setup, then an item at
a time. While it works it says which faces it is about to touch. It dies with its parent.
"""

import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from pipeline.engine.messages import receive, send
from pipeline.errors import PipelineError
from pipeline.reasons import Stage

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Serve until the parent goes."""
    _die_with_the_parent()
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))

    def report(stage: Stage, rows: Sequence[int]) -> None:
        send(pipe, "at", stage, tuple(rows))

    (kind, setup), _ = receive(pipe)
    try:
        # Imported here, so that what goes wrong in an import is told to the parent like everything else.
        from pipeline.stages.registry import make_stage  # noqa: PLC0415

        stage = make_stage(kind, setup, report)
    except Exception as error:
        send(pipe, "error", _portable(error))
        return
    send(pipe, "ready")
    while True:
        try:
            (care,), item = receive(pipe)
        except EOFError:
            return
        try:
            result = stage(item, care)
        except Exception as error:
            send(pipe, "error", _portable(error))
        else:
            send(pipe, "done", buffers=result)
            del result  # tens of megabytes, which the next item needs
        del item


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
