"""A worker process under watch: what hangs or crashes in it costs a face, not the job.

Decoders and networks are native code: they can crash a process or never return. So an actor of the engine
does not work itself. It keeps a child process for that, which reports the faces it is about to touch. When
the child dies, or is silent for too long, the faces it touched last are the suspects. They get a second
chance; if they bring a worker down twice, they become rejects, and the others of their part are done
without them.
"""

import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from pipeline.engine.messages import Buffers, Received, receive, send
from pipeline.engine.quarantine import Care, Exclusion
from pipeline.errors import JobIncompleteError
from pipeline.reasons import Reason, Stage

_STRIKES = 2
# What ends a process before it has touched a face, such as a moment without memory, may not be there again.
_STARTS = 3
# A batch that falls thrice is posed face by face; one that still falls has no face to blame.
_POSED_SINGLY_AFTER, _GIVEN_UP_AFTER = 3, 5
# So many killers in one part are no bad faces but a bad machine.
_MOST_EXCLUSIONS = 64
_LAST_WORDS_BYTES = 500
# A job has a process for every core, and NumPy's libraries would otherwise start a thread for each in all of
# them. They read this as they are loaded.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Fall:
    """The end of a child, and what it was doing."""

    stage: Stage | None
    rows: tuple[int, ...]
    reason: Reason
    detail: str


class Supervisor:
    """Runs one stage in a child process. `kind` and `setup` are passed to `pipeline.engine.worker_process`.

    What the child prints goes where the parent's output goes, or into the file `log`.
    """

    def __init__(
        self,
        kind: str,
        setup: bytes,
        *,
        stall_timeout_s: float,
        start_timeout_s: float,
        log: Path | None = None,
    ) -> None:
        self._kind = kind
        self._setup = setup
        self._stall_timeout_s = stall_timeout_s
        self._start_timeout_s = start_timeout_s
        self._log = log
        self._stopped = False
        self._stage_s: dict[str, float] = defaultdict(float)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any]

    def __call__(self, item: Buffers) -> Received:
        """Have the child do one item, however many children that takes.

        Raises:
            JobIncompleteError: children fall with no face to blame, or for too many faces; or it was stopped.
            PipelineError: what the stage itself raised.
        """
        care, strikes = Care(), Counter[tuple[Stage | None, tuple[int, ...]]]()
        while True:
            self.start()
            outcome = self._attempt(item, care)
            if not isinstance(outcome, Fall):
                return outcome
            self.close()
            self._check_not_stopped()
            strikes[outcome.stage, outcome.rows] += 1
            care = more_careful(care, outcome, strikes[outcome.stage, outcome.rows])

    def take_stage_s(self) -> dict[str, float]:
        """Seconds that children were at faces, by stage, since this was last asked."""
        taken, self._stage_s = self._stage_s, defaultdict(float)
        return taken

    def stop(self) -> None:
        """End the child for good, from another thread; a call that is at work there raises."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._pipe.close()
            self._process = None

    def start(self) -> None:
        """Have a child that is ready, now rather than at the first item.

        Raises:
            JobIncompleteError: children end, or take too long, before they are ready.
            PipelineError, FpnError, RenderError: what the stage itself raised as it was made.
        """
        if self._process is not None:
            return
        for _ in range(_STARTS):
            fate = self._start_once()
            self._check_not_stopped()
            if fate is None:
                return
        raise JobIncompleteError(
            f"a worker process ended {_STARTS} times before it was ready, lastly with {fate}; "
            + self._last_words()
        )

    def _start_once(self) -> str | None:
        """Start a child; gives how it ended where it did before it was ready."""
        self._pipe, theirs = Pipe()
        environment = {**_ONE_THREAD, **os.environ, "PYTHONPATH": os.pathsep.join(import_path())}
        with nullcontext() if self._log is None else self._log.open("ab") as log:
            self._process = subprocess.Popen(
                # -P: nothing is imported from the folder that the user happens to be in.
                [sys.executable, "-P", "-m", "pipeline.engine.worker_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C is for the parent, which ends its children
            )
        theirs.close()
        if self._stopped:  # before there was a child to end
            self._process.kill()
        try:
            send(self._pipe, self._kind, self._setup)
            message = self._receive(self._start_timeout_s)
        except (EOFError, OSError):
            fate = _fate(self._process.wait())
            self.close()
            return fate
        if message is None:
            self.close()
            raise JobIncompleteError(
                f"a worker process was not ready after engine.start_timeout_s = {self._start_timeout_s:g} s; "
                "is the machine busy? Set a longer time"
            )
        words, _ = message
        if words[0] == "error":
            self.close()
            raise words[1]
        return None

    def _check_not_stopped(self) -> None:
        if self._stopped:
            self.close()
            raise JobIncompleteError("a worker was stopped; the same command continues the job")

    def _last_words(self) -> str:
        if self._log is None:
            return "its own words are in the logs of Ray"
        words = self._log.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
        return f"its last words: {words or 'none'}"

    def _attempt(self, item: Buffers, care: Care) -> Received | Fall:
        stage: Stage | None = None
        rows: tuple[int, ...] = ()
        try:
            send(self._pipe, care, buffers=item)
            while True:
                began_s = time.monotonic()
                message = self._receive(self._stall_timeout_s)
                if stage is not None and rows:
                    self._stage_s[stage] += time.monotonic() - began_s
                if message is None:
                    detail = f"no sign of life for engine.stall_timeout_s = {self._stall_timeout_s:g} s"
                    return Fall(stage, rows, Reason.TIMEOUT, detail)
                words, received = message
                if words[0] == "at":
                    stage, rows = words[1:]
                elif words[0] == "done":
                    return received
                else:
                    raise words[1]
        except (EOFError, ConnectionError) as error:
            assert self._process is not None
            how = _fate(self._process.wait())
            return Fall(stage, rows, Reason.WORKER_CRASH, f"the worker process ended with {how} ({error!r})")

    def _receive(self, timeout_s: float) -> tuple[tuple[Any, ...], Received] | None:
        return receive(self._pipe) if self._pipe.poll(timeout_s) else None


def import_path() -> list[str]:
    """Where a child imports from: as this process does, but not from the user's folder.

    A `random.py`, `cv2.py` or `pipeline/` there would be taken for the module of that name.
    """
    packages, here = Path(__file__).parents[2], Path.cwd()
    return [path for path in sys.path if path and (Path(path) == packages or Path(path).absolute() != here)]


def more_careful(care: Care, fall: Fall, strikes: int) -> Care:
    """What to change before the next attempt, after so many falls at the same faces.

    Raises:
        JobIncompleteError: nothing that could be changed would help.
    """
    if not fall.rows or strikes >= _GIVEN_UP_AFTER:
        if strikes <= _STRIKES:
            return care
        raise JobIncompleteError(
            f"a worker fell {strikes} times {_where(fall)}: {fall.detail}. Committed parts stay; the same "
            "command continues the job"
        )
    if strikes < _STRIKES:
        return care
    if fall.stage == Stage.POSE and len(fall.rows) > 1:
        first = frozenset({fall.rows[0]})
        if strikes < _POSED_SINGLY_AFTER:
            return replace(care, tried_singly=care.tried_singly | first)
        return replace(care, posed_singly=care.posed_singly | first)
    assert fall.stage is not None
    exclusion = Exclusion(fall.stage, fall.reason, fall.detail, strikes)
    exclusions = {**care.exclusions, **dict.fromkeys(fall.rows, exclusion)}
    if len(exclusions) > _MOST_EXCLUSIONS:
        raise JobIncompleteError(
            f"{len(exclusions)} faces of one part brought their worker down, lastly {_where(fall)}: "
            f"{fall.detail}. That is no fault of faces: look at the machine and its libraries"
        )
    return replace(care, exclusions=exclusions)


def _fate(exit_code: int) -> str:
    return f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


def _where(fall: Fall) -> str:
    if fall.stage is None or not fall.rows:
        return "between faces"
    return f"in stage {fall.stage} at {_span(fall.rows)} of the manifest"


def _span(rows: Sequence[int]) -> str:
    return f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]} to {rows[-1]}"
