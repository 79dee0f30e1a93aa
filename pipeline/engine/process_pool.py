"""Child processes of this machine, each fed by a thread of its own: items in, results out, in any order.

A thread only waits for its child, so the children have the cores to themselves.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from pipeline.config.settings import EngineSettings
from pipeline.engine.messages import Buffers, Received
from pipeline.engine.supervisor import Supervisor
from pipeline.errors import JobIncompleteError, PipelineError

# Items under way for each child: one at work, one waiting.
_AHEAD = 2


@dataclass
class Crew:
    """Supervised children with the same setup."""

    kind: str
    """With `setup` for `pipeline.stages.registry`."""
    setup: bytes
    settings: EngineSettings
    size: int
    log: Path
    """What the children print, such as a decoder's warnings, goes here and not into the progress."""
    _items: SimpleQueue[Buffers | None] = field(default_factory=SimpleQueue)
    _results: SimpleQueue[Received | Exception] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        self._supervisors = [
            Supervisor(
                self.kind,
                self.setup,
                stall_timeout_s=self.settings.stall_timeout_s,
                start_timeout_s=self.settings.start_timeout_s,
                log=self.log,
            )
            for _ in range(self.size)
        ]
        # A child dies with the thread that started it, so each thread starts its own.
        self._threads = [
            threading.Thread(target=self._work, args=(supervisor,), daemon=True)
            for supervisor in self._supervisors
        ]

    def results(self, items: Iterable[Buffers]) -> Iterator[Received]:
        """What becomes of the items, which are taken only as the crew gets to them.

        Raises:
            PipelineError: what a worker raised, or JobIncompleteError where that was none of ours.
        """
        for thread in self._threads:
            thread.start()
        under_way = 0
        for item in items:
            self._items.put(item)
            under_way += 1
            if under_way >= _AHEAD * self.size:
                yield self._next()
                under_way -= 1
        for _ in range(under_way):
            yield self._next()

    def end(self) -> None:
        """End every child, at work or not, and wait for the threads."""
        for supervisor in self._supervisors:
            supervisor.stop()
        for thread in self._threads:
            if thread.ident is not None:
                self._items.put(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _next(self) -> Received:
        result = self._results.get()
        if isinstance(result, PipelineError):
            raise result
        if isinstance(result, Exception):
            raise JobIncompleteError(
                f"a worker failed: {type(result).__name__}: {result}. Committed parts stay; the same "
                "command continues the job"
            ) from result
        return result

    def _work(self, supervisor: Supervisor) -> None:
        try:
            while (item := self._items.get()) is not None:
                self._results.put(supervisor(item))
        except Exception as error:  # also where the crew is ended at its work
            self._results.put(error)
        finally:
            supervisor.close()
