"""Where the parts of a job are done: on Ray Data, or on this machine by child processes alone.

Both run the same stages under the same supervision and write the same bytes. Ray brings many machines, GPUs
beside CPUs and what mends a lost node. It takes seconds to start and a twentieth of the rate of two cores; a
job on the CPUs of one machine needs none of it.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Literal, Protocol

from fpn_core.session import might_use_gpu
from pipeline.config.settings import EngineSettings, JobConfig
from pipeline.engine.machine import usable_cpus
from pipeline.engine.messages import Buffers
from pipeline.errors import ResourceError
from pipeline.job.ledger import LedgerEntry
from pipeline.monitor.progress import StageLoad
from pipeline.stages.part import Job, Part

MOST_FACES_WITHOUT_POOLS = 2000
"""What `engine.runner: auto` still does without Ray where there is a GPU: a job of a minute or less on two
cores. Larger ones gain by Ray's pools, in which CPUs feed the GPU."""


class Runner(Protocol):
    """Does parts of a job."""

    @property
    def provider(self) -> str:
        """The ONNX Runtime provider that poses run on."""

    @property
    def reason(self) -> str:
        """Why it is that one."""

    @property
    def loads(self) -> Sequence[StageLoad]:
        """How busy each stage is at the moment; none where there is one stage alone."""

    def run(self, parts: Sequence[Part], say: Callable[[str], None]) -> Iterator[LedgerEntry]:
        """Work through the parts and give the ledger entry of each as it is committed, in any order.

        Raises:
            ResourceError: the machine or cluster has not what the settings ask for.
            JobIncompleteError: a worker that failed for good; what was committed stays.
        """


@contextmanager
def open_runner(job: Job, n_faces: int, say: Callable[[str], None]) -> Iterator[Runner]:
    """The runner for so many faces that are to be done. Ray is imported only where it is used.

    `say`: where it says what it waits for.

    Raises:
        ResourceError: Ray cannot be started or joined, or has no GPU although one was asked for.
        ProviderError: CUDA or TensorRT was asked for and does not run.
    """
    if choose_runner(job.config, n_faces) == "local":
        from pipeline.engine.local import LocalRunner  # noqa: PLC0415

        yield LocalRunner(job)
        return
    require_ray()
    from pipeline.engine.ray.runner import ray_runner  # noqa: PLC0415  # importing Ray takes half a second

    with ray_runner(job, say) as runner:
        yield runner


def find_faces(
    setup: bytes, items: Iterator[tuple[int, Buffers]], out: str, settings: EngineSettings
) -> Iterator[dict[str, Any]]:
    """Runs numbered chunks of photos on workers (see `pipeline.manifest.build.stage`) and yields the results
    in any order. CPUs do it, so that a machine without a cluster needs no Ray.

    Raises:
        ResourceError, JobIncompleteError: as `Runner.run`.
    """
    if _asked_for(settings) != "ray":
        from pipeline.engine.local import run_here  # noqa: PLC0415

        size = settings.workers or settings.cpus or usable_cpus()
        for result in run_here("find", setup, (item for _, item in items), settings, size):
            yield json.loads(bytes(result["entry"]))
        return
    require_ray()
    from pipeline.engine.ray.runner import find_on_ray  # noqa: PLC0415

    yield from find_on_ray(setup, out, settings, items)


def choose_runner(config: JobConfig, n_faces: int) -> Literal["ray", "local"]:
    """Which runner a job of so many faces gets; a cluster that is named, or a running Ray, is used."""
    if asked := _asked_for(config.engine):
        return asked
    large = n_faces > MOST_FACES_WITHOUT_POOLS and might_use_gpu(config.pose.device)
    return "ray" if large and ray_is_installed() else "local"


def ray_is_installed() -> bool:
    """Whether Ray can be imported: a light installation has none, nor has a Mac with an Intel processor."""
    return find_spec("ray") is not None


def require_ray() -> None:
    """Refuses in words where Ray was asked for and is not installed.

    Raises:
        ResourceError: there is no Ray.
    """
    if not ray_is_installed():
        raise ResourceError(
            "this job was asked to run on Ray, which is not installed: pip install 'ray[data]>=2.55,<2.64' "
            "(not available for Macs with Intel processors), or run it on this machine without Ray: "
            "--set engine.runner=local"
        )


def _asked_for(settings: EngineSettings) -> Literal["ray", "local"] | None:
    """The runner that settings, environment or a running Ray call for; None where nothing does."""
    if settings.runner != "auto":
        return settings.runner
    wants_ray = settings.address or os.environ.get("RAY_ADDRESS") or settings.layout == "staged"
    return "ray" if wants_ray or _ray_is_running() else None


def _ray_is_running() -> bool:
    """Whether this process has a Ray already; one that was never imported has not."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
