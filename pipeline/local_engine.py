"""The stages on this machine without Ray: a supervised child process for every core, and a thread that
feeds each.

A thread only waits for its child, so the children have the cores to themselves. Nothing but parts and ledger
entries goes between them.
"""

import json
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from fpn_core import PoseNetwork
from fpn_core.session import CPU
from pipeline.config import Device
from pipeline.errors import JobIncompleteError, PipelineError
from pipeline.layout import choose_layout
from pipeline.ledger import LedgerEntry, entry_from_fields
from pipeline.machine import usable_cpus
from pipeline.stages import make_item, make_setup
from pipeline.supervisor import Supervisor
from pipeline.worker import Job, Part


class LocalRunner:
    """Does parts on this machine; see `pipeline.runner.Runner`."""

    def __init__(self, job: Job) -> None:
        """Raises ProviderError where a GPU was asked for and does not run."""
        self._job = job
        settings = job.config.pose
        network = PoseNetwork(settings.model_path, device=settings.device)
        self.provider = network.provider
        self.reason = network.provider_reason
        # Not "auto", with which a child could quietly end up on another device than its neighbours.
        on_gpu: Device = "cuda" if settings.device == "auto" else settings.device
        self._device: Device = "cpu" if network.provider == CPU else on_gpu

    def run(self, parts: Sequence[Part], say: Callable[[str], None]) -> Iterator[LedgerEntry]:
        """Work through the parts; the first error of a worker ends the others."""
        settings = self._job.config.engine
        cpus = settings.cpus or usable_cpus()
        size = choose_layout(settings, cpus, 0, len(parts), on_gpu=False).decode.size
        say(f"layout: {size} of {cpus} CPUs do whole parts each, without Ray")
        with tempfile.TemporaryDirectory(prefix="faceposenet-") as folder:
            crew = _Crew(self._job, self._device, deque(parts), size, Path(folder) / "workers.log")
            try:
                yield from crew.entries()
            finally:
                crew.end()


@dataclass
class _Crew:
    """Threads with a supervisor each, which take parts from one queue and put their entries in another."""

    job: Job
    device: Device
    parts: deque[Part]
    size: int
    log: Path
    """What the children print, such as a decoder's warnings, goes here and not into the progress."""
    _results: SimpleQueue[LedgerEntry | Exception] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        settings, setup = self.job.config.engine, make_setup(self.job, self.device)
        self._n_parts = len(self.parts)
        self._supervisors = [
            Supervisor(
                "whole",
                setup,
                stall_timeout_s=settings.stall_timeout_s,
                start_timeout_s=settings.start_timeout_s,
                log=self.log,
            )
            for _ in range(self.size)
        ]
        # A child dies with the thread that started it, so each thread starts its own.
        self._threads = [
            threading.Thread(target=self._work, args=(supervisor,), daemon=True)
            for supervisor in self._supervisors
        ]

    def entries(self) -> Iterator[LedgerEntry]:
        """The ledger entries as parts are committed.

        Raises:
            PipelineError: what a worker raised, or JobIncompleteError where that was none of ours.
        """
        for thread in self._threads:
            thread.start()
        for _ in range(self._n_parts):
            result = self._results.get()
            if isinstance(result, PipelineError):
                raise result
            if isinstance(result, Exception):
                raise JobIncompleteError(
                    f"a worker failed: {type(result).__name__}: {result}. Committed parts stay; the same "
                    "command continues the job"
                ) from result
            yield result

    def end(self) -> None:
        """End every child, at work or not, and wait for the threads."""
        self.parts.clear()
        for supervisor in self._supervisors:
            supervisor.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _work(self, supervisor: Supervisor) -> None:
        try:
            while self.parts:
                try:
                    part = self.parts.popleft()
                except IndexError:  # another thread took the last
                    break
                self._results.put(entry_from_fields(json.loads(supervisor(make_item(part)))))
        except Exception as error:
            self._results.put(error)
        finally:
            supervisor.close()
