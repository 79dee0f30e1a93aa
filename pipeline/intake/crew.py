"""Child processes that find faces, each fed by a thread of its own, and what they find in the order of the
chunks."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pipeline.supervisor import Supervisor

T = TypeVar("T")
R = TypeVar("R")

_STALL_TIMEOUT_S, _START_TIMEOUT_S = 60.0, 60.0
# Chunks under way for each worker: one at work, one waiting.
_AHEAD = 2


class Crew:
    """Workers with the same setup; use as a context, which ends them."""

    def __init__(self, kind: str, setup: bytes, size: int, log: Path) -> None:
        """`kind` and `setup` are for `pipeline.stages`; `log` takes what the children print."""
        self._kind, self._setup, self._log = kind, setup, log
        self._size = size
        self._supervisors: list[Supervisor] = []
        self._ended = False
        self._own = threading.local()  # a child dies with the thread that started it
        self._pool = ThreadPoolExecutor(size)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for supervisor in self._supervisors:
            supervisor.stop()
        self._pool.shutdown(wait=True)
        for supervisor in self._supervisors:
            supervisor.close()

    def ask(self, item: bytes) -> bytes:
        """Have the worker of the calling thread do an item."""
        supervisor: Supervisor | None = getattr(self._own, "supervisor", None)
        if supervisor is None:
            supervisor = self._own.supervisor = Supervisor(
                self._kind,
                self._setup,
                stall_timeout_s=_STALL_TIMEOUT_S,
                start_timeout_s=_START_TIMEOUT_S,
                log=self._log,
            )
            self._supervisors.append(supervisor)
            if self._ended:
                supervisor.stop()
        return supervisor(item)

    def in_order(self, items: Iterator[T], task: Callable[[T], R]) -> Iterator[R]:
        """`task` of each item, on the crew's threads. Items are taken only as the crew gets to them.

        Raises:
            whatever a task raised.
        """
        under_way: deque[Future[R]] = deque()
        for item in items:
            under_way.append(self._pool.submit(task, item))
            if len(under_way) >= _AHEAD * self._size:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
