"""A job on Ray: a local one or a cluster, with or without GPUs."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import ray
from ray.autoscaler.sdk import request_resources
from ray.exceptions import GetTimeoutError, RayTaskError

from fpn_core import PoseNetwork
from fpn_core.session import CPU
from pipeline.config.settings import Device, EngineSettings
from pipeline.engine.messages import Buffers
from pipeline.engine.ray.actor import Work
from pipeline.engine.ray.execution import Execution
from pipeline.engine.ray.nodes import Node, alive_nodes, check_nodes, describe, versions_here
from pipeline.engine.ray.pools import Pool, make_pools, missing
from pipeline.engine.ray.pools import describe as describe_pools
from pipeline.engine.ray.session import ray_session
from pipeline.engine.ray.source import ItemSource, PartSource
from pipeline.errors import ResourceError
from pipeline.job.ledger import LedgerEntry, committed_parts, entry_from_fields, read_entries
from pipeline.monitor.progress import StageLoad
from pipeline.stages.part import Job, Part
from pipeline.stages.registry import make_setup

GPU_DEVICES: tuple[Device, ...] = ("cuda", "tensorrt")
# Chunks of photos at a time: all that is known of a set of photos never lies in memory at once.
_MOST_CHUNKS = 4096
Say = Callable[[str], None]


@dataclass
class RayRunner:
    """Does parts on the running Ray; see `pipeline.engine.runner.Runner`."""

    job: Job
    wait_s: float
    """How long to wait for nodes that are to join."""
    device: Device
    provider: str
    reason: str
    _execution: Execution | None = field(default=None, init=False)

    @property
    def loads(self) -> tuple[StageLoad, ...]:
        """How busy each stage is at the moment."""
        return () if self._execution is None else self._execution.loads

    def run(self, parts: Sequence[Part], say: Say) -> Iterator[LedgerEntry]:
        """Work through the parts, on whatever nodes there are at the moment."""
        settings, out = self.job.config.engine, self.job.out
        pools = make_pools(settings, on_gpu=self.device in GPU_DEVICES)
        nodes = wait_for(lambda nodes: missing(pools, nodes), pools, self.wait_s, say)
        if self.wait_s:  # else all of it is this machine
            check_nodes(nodes)
        say(f"layout: {describe_pools(pools)} ({describe(nodes)})")

        def committed(numbers: set[int]) -> list[dict[str, Any]]:
            return [asdict(entry) for entry in read_entries(out, sorted(committed_parts(out) & numbers))]

        def source(numbers: set[int]) -> PartSource:
            return PartSource(self.job.manifest, [part for part in parts if part.number in numbers])

        work = make_work(make_setup(self.job, self.device), out.location, settings)
        self._execution = Execution(work, pools, settings.start_timeout_s, say, committed)
        for fields in self._execution.results([part.number for part in parts], source):
            yield entry_from_fields(fields)


@contextmanager
def ray_runner(job: Job, say: Say) -> Iterator[RayRunner]:
    """A running Ray with the device that poses will run on there; see `ray_session` and `choose_device`.

    Raises:
        ResourceError: no Ray, or a GPU was asked for and no node has one.
        ProviderError: CUDA was asked for and does not run on the GPU node.
    """
    with ray_session(job.config.engine) as may_grow:
        wait_s = job.config.engine.start_timeout_s if may_grow else 0.0
        yield RayRunner(job, wait_s, *choose_device(job, wait_s, say))


def find_on_ray(
    setup: bytes, out: str, settings: EngineSettings, items: Iterator[tuple[int, Buffers]]
) -> Iterator[dict[str, Any]]:
    """What the stage `find` makes of numbered chunks on the CPUs of a cluster.

    Raises:
        ResourceError, JobIncompleteError: see `Execution.results`.
    """
    with ray_session(settings):
        pools = (Pool("find", 1.0, most=settings.workers),)
        execution = Execution(
            make_work(setup, out, settings), pools, settings.start_timeout_s, lambda text: None
        )
        while window := dict(islice(items, _MOST_CHUNKS)):
            yield from execution.results(
                list(window), lambda numbers: ItemSource([(n, window[n]) for n in sorted(numbers)])
            )


def make_work(setup: bytes, out: str, settings: EngineSettings) -> Work:
    """What the actors of a job are told."""
    return Work(setup, out, versions_here(), settings.stall_timeout_s, settings.start_timeout_s)


def choose_device(job: Job, wait_s: float, say: Say) -> tuple[Device, str, str]:
    """The device that the pose actors will ask for, the provider that really runs there, and why.

    Raises:
        ResourceError: a GPU was asked for, and no node has one within `wait_s`.
        ProviderError: CUDA was asked for and does not run there.
    """
    settings, wanted = job.config.engine, job.config.pose.device
    needs_gpu = wanted in GPU_DEVICES

    def lack(nodes: Sequence[Node]) -> str | None:
        if needs_gpu and not any(node.gpus for node in nodes):
            return f"pose.device={wanted}, but no node of the Ray cluster has a GPU"
        return (
            None if any(node.cpus or node.gpus for node in nodes) else "no node of the Ray cluster has a CPU"
        )

    first = (Pool("pose", 0.0, settings.gpus_per_pose_actor),) if needs_gpu else (Pool("whole", 1.0),)
    nodes = wait_for(lack, first, wait_s, say)
    if wanted == "cpu" or not any(node.gpus for node in nodes):
        network = PoseNetwork(job.config.pose.model_path, device="cpu")
        reason = network.provider_reason if wanted == "cpu" else f"no node has a GPU ({describe(nodes)})"
        return "cpu", network.provider, reason
    return probe_device(job, wanted)


def probe_device(job: Job, device: Device) -> tuple[Device, str, str]:
    """Try the network on a GPU node: the device the actors should ask for, its provider, and why.

    Raises:
        ResourceError: no GPU came free in time.
        ProviderError: CUDA was asked for and does not run there.
    """
    settings = job.config.engine

    def probe() -> tuple[str, str]:
        network = PoseNetwork(job.config.pose.model_path, device=device)
        return network.provider, network.provider_reason

    try:
        task = ray.remote(num_gpus=settings.gpus_per_pose_actor, num_cpus=0, max_retries=1)(probe)
        provider, reason = ray.get(task.remote(), timeout=settings.start_timeout_s)
    except GetTimeoutError as error:
        raise ResourceError(
            f"no {settings.gpus_per_pose_actor:g} GPU came free within engine.start_timeout_s = "
            f"{settings.start_timeout_s} s ({describe(alive_nodes())}). Wait for other jobs, or set a longer "
            "time"
        ) from error
    except RayTaskError as error:
        raise error.cause from error
    if provider == CPU:
        return "cpu", provider, reason
    return ("cuda" if device == "auto" else device), provider, reason


def wait_for(
    lack: Callable[[Sequence[Node]], str | None], pools: Sequence[Pool], timeout_s: float, say: Say
) -> list[Node]:
    """Wait until the nodes of the cluster lack nothing, and give them. An autoscaler is asked for what
    `pools` take.

    `lack`: nodes -> what they lack, in words.

    Raises:
        ResourceError: they still lack it after `timeout_s`.
    """
    until_s = time.monotonic() + timeout_s
    nodes = alive_nodes()
    lacking = lack(nodes)
    if lacking is None:
        return nodes
    if timeout_s:
        say(
            f"{lacking} ({describe(nodes)}); waiting for nodes, up to "
            f"engine.start_timeout_s = {timeout_s:g} s"
        )
    request_resources(bundles=[{"CPU": pool.cpus, "GPU": pool.gpus} for pool in pools])
    try:
        while lacking is not None:
            if time.monotonic() > until_s:
                waited = f", after engine.start_timeout_s = {timeout_s:g} s" if timeout_s else ""
                raise ResourceError(
                    f"{lacking} ({describe(nodes)}){waited}; start such nodes, or change pose.device, "
                    "engine.layout or engine.gpus_per_pose_actor"
                )
            time.sleep(0.5)
            nodes = alive_nodes()
            lacking = lack(nodes)
    finally:
        request_resources(bundles=[])
    return nodes
