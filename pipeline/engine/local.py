"""The stages on this machine without Ray: a supervised child process for every core (see `crew`).

Nothing but parts and ledger entries goes between this process and the children.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from fpn_core import PoseNetwork
from fpn_core.session import CPU
from pipeline.config.settings import Device, EngineSettings
from pipeline.engine.machine import usable_cpus
from pipeline.engine.messages import Buffers, Received
from pipeline.engine.process_pool import Crew
from pipeline.errors import ResourceError
from pipeline.job.ledger import LedgerEntry, entry_from_fields
from pipeline.monitor.progress import StageLoad
from pipeline.stages.part import Job, Part
from pipeline.stages.registry import make_item, make_setup


class LocalRunner:
    """Does parts on this machine; see `pipeline.engine.runner.Runner`."""

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

    @property
    def loads(self) -> tuple[StageLoad, ...]:
        """None: every process does whole parts."""
        return ()

    def run(self, parts: Sequence[Part], say: Callable[[str], None]) -> Iterator[LedgerEntry]:
        """Work through the parts; the first error of a worker ends the others."""
        settings = self._job.config.engine
        cpus = settings.cpus or usable_cpus()
        size = min(settings.workers or cpus, len(parts))
        if size > cpus:
            raise ResourceError(
                f"engine.workers = {settings.workers} processes are more than the {cpus} CPUs here; lower it"
            )
        say(f"layout: {size} of {cpus} CPUs do whole parts each, without Ray")
        setup = make_setup(self._job, self._device)
        for result in run_here("whole", setup, map(make_item, parts), settings, size):
            yield entry_from_fields(json.loads(bytes(result["entry"])))


def run_here(
    kind: str, setup: bytes, items: Iterable[Buffers], settings: EngineSettings, size: int
) -> Iterator[Received]:
    """What so many child processes of this machine make of items, in any order; see `Crew.results`."""
    with tempfile.TemporaryDirectory(prefix="faceposenet-") as folder:
        crew = Crew(kind, setup, settings, size, Path(folder) / "workers.log")
        try:
            yield from crew.results(items)
        finally:
            crew.end()
