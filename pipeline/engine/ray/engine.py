"""The stages on Ray Data: actor pools, the hand-over of whole parts, and a stream of committed parts.

The unit that travels is a part: one row of a block is one part, so that no setting of the engine can cut or
mix parts, and the driver holds nothing per face.
"""

import gc
import json
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import ray
import ray.data
from ray.exceptions import (
    GetTimeoutError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from fpn_core import PoseNetwork
from fpn_core.session import CPU
from pipeline.config.settings import Device, EngineSettings
from pipeline.engine.ray.actor import StageActor
from pipeline.engine.ray.layout import Pool, Stages, choose_layout
from pipeline.errors import JobIncompleteError, PipelineError, ResourceError
from pipeline.job.ledger import LedgerEntry, committed_parts, entry_from_fields, read_entries
from pipeline.stages.part import Job, Part
from pipeline.stages.registry import make_item, make_setup

GPU_DEVICES: tuple[Device, ...] = ("cuda", "tensorrt")
# A native crash would be tried again for ever by default.
_MAX_TASK_RETRIES = 3
# More blocks than this only cost the driver; each then holds several parts, still handled one by one.
_MAX_BLOCKS = 4096
# The loss of a node or actor, as against what a worker itself raised.
_LOSSES = (RayActorError, NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError)
# So often in a row, without a part committed in between, a loss is no accident.
_MAX_LOSSES = 3
# Ray takes about so long to notice that a node is gone (its health checks), and to count its CPUs no more.
_PAUSE_AFTER_LOSS_S = 15.0


@dataclass(frozen=True)
class RayRunner:
    """Does parts on the running Ray; see `pipeline.engine.runner.Runner`."""

    job: Job
    device: Device
    provider: str
    reason: str

    def run(self, parts: Sequence[Part], say: Callable[[str], None]) -> Iterator[LedgerEntry]:
        """Work through the parts, laid out anew on what is left of the cluster after each loss."""

        def stages_for(n_parts: int) -> Stages:
            cpus, gpus = cluster_size()
            on_gpu = self.device in GPU_DEVICES
            layout = choose_layout(self.job.config.engine, cpus, gpus, n_parts, on_gpu=on_gpu)
            say(f"layout: {layout.describe()} on {cpus:g} CPUs, {gpus:g} GPUs")
            return layout.stages()

        yield from run_parts(self.job, parts, stages_for, self.device)


@contextmanager
def ray_runner(job: Job) -> Iterator[RayRunner]:
    """A running Ray with the device that poses will run on there; see `ray_session` and `probe_device`.

    Raises:
        ResourceError: no Ray, or a GPU was asked for and no node has one.
        ProviderError: CUDA was asked for and does not run on the GPU node.
    """
    with ray_session(job.config.engine):
        yield RayRunner(job, *_device(job))


def _device(job: Job) -> tuple[Device, str, str]:
    """The device that the pose actors will ask for, the provider that really runs there, and why."""
    _, gpus = cluster_size()
    wanted = job.config.pose.device
    if wanted in GPU_DEVICES and not gpus:
        raise ResourceError(
            f"pose.device={wanted}, but no node of the Ray cluster has a GPU ({_cluster()}); start GPU nodes "
            "first, or set pose.device=cpu or auto"
        )
    if wanted == "cpu" or not gpus:
        network = PoseNetwork(job.config.pose.model_path, device="cpu")
        reason = network.provider_reason if wanted == "cpu" else f"no node has a GPU ({_cluster()})"
        return "cpu", network.provider, reason
    return probe_device(job, wanted, job.config.engine)


def _cluster() -> str:
    cpus, gpus = cluster_size()
    return f"{len(ray.nodes())} nodes, {cpus:g} CPUs, {gpus:g} GPUs"


@contextmanager
def ray_session(settings: EngineSettings) -> Iterator[None]:
    """A running Ray: the caller's own, the cluster that is named, or a quiet local one that stops at the end.

    Raises:
        ResourceError: no cluster at the address, or a local Ray that does not start.
    """
    if ray.is_initialized():
        yield
        return
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
        raise ResourceError(f"cannot {what}: {error}") from error
    try:
        yield
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


def cluster_size() -> tuple[float, float]:
    """CPUs and GPUs of the running Ray."""
    resources = ray.cluster_resources()
    return float(resources.get("CPU", 0)), float(resources.get("GPU", 0))


def probe_device(job: Job, device: Device, settings: EngineSettings) -> tuple[Device, str, str]:
    """Try the network on a GPU node: the device the actors should ask for, its provider, and why.

    Raises:
        ResourceError: no GPU came free in time.
        ProviderError: CUDA was asked for and does not run there.
    """

    def probe() -> tuple[str, str]:
        network = PoseNetwork(job.config.pose.model_path, device=device)
        return network.provider, network.provider_reason

    try:
        task = ray.remote(num_gpus=settings.gpus_per_pose_actor, num_cpus=0, max_retries=1)(probe)
        provider, reason = ray.get(task.remote(), timeout=settings.start_timeout_s)
    except GetTimeoutError as error:
        raise ResourceError(
            f"no {settings.gpus_per_pose_actor:g} GPU came free within engine.start_timeout_s = "
            f"{settings.start_timeout_s} s; free are {ray.available_resources()}. Wait for other jobs, or "
            "set a longer time"
        ) from error
    except RayTaskError as error:
        raise error.cause from error
    if provider == CPU:
        return "cpu", provider, reason
    return ("cuda" if device == "auto" else device), provider, reason


def run_parts(
    job: Job, parts: Sequence[Part], stages_for: Callable[[int], Stages], device: Device
) -> Iterator[LedgerEntry]:
    """Work through the parts and give the ledger entry of each as it is committed, in any order.

    `stages_for`: number of parts -> the stages, with the actors for them on the cluster as it is now. Where
    Ray cannot mend the loss of a node or actor by itself, what is not committed is begun anew on what is
    left of the cluster.

    Raises:
        ResourceError: actors that did not start in time, or that no longer fit.
        JobIncompleteError: a worker that failed for good, or no node is left; what was committed stays.
    """

    def committed(numbers: set[int]) -> list[dict[str, Any]]:
        return [asdict(e) for e in read_entries(job.out, sorted(committed_parts(job.out) & numbers))]

    work = Work(make_setup(job, device), job.out.location, job.config.engine, committed)
    items = {part.number: make_item(part) for part in parts}
    for fields in run_items(work, items, stages_for):
        yield entry_from_fields(fields)


@dataclass(frozen=True)
class Work:
    """What actors do with items."""

    setup: bytes
    """For `pipeline.stages.registry`."""
    out: str
    """The folder they write to, by which metrics tell jobs apart."""
    settings: EngineSettings
    committed: Callable[[set[int]], list[dict[str, Any]]] = lambda numbers: []
    """Results of those items that are done although no word of it came; without, they are sent again."""


def find_on_ray(work: Work, items: Iterator[tuple[int, bytes]]) -> Iterator[dict[str, Any]]:
    """What the stage `find` makes of numbered chunks on the CPUs of a cluster, some thousands at a time: all
    that is known of a set of photos never lies in memory at once.

    Raises:
        ResourceError, JobIncompleteError: see `run_parts`.
    """

    def stages_for(n_items: int) -> Stages:
        settings = work.settings.model_copy(update={"layout": "fused"})
        cpus, gpus = cluster_size()
        return (("find", choose_layout(settings, cpus, gpus, n_items, on_gpu=False).decode),)

    with ray_session(work.settings):
        while window := dict(islice(items, _MAX_BLOCKS)):
            yield from run_items(work, window, stages_for)


def run_items(
    work: Work, items: dict[int, bytes], stages_for: Callable[[int], Stages]
) -> Iterator[dict[str, Any]]:
    """The results of numbered items as the last stage gives them, JSON with the item's number as `part`."""
    waiting = dict(items)
    losses = 0
    while waiting:
        try:
            for fields in _execute(work, list(waiting.values()), stages_for(len(waiting))):
                losses = 0
                waiting.pop(fields["part"], None)
                yield fields
            return
        except RayError as error:
            # Actors that do not start after a loss were laid out on a node that was not yet known to be lost.
            is_loss = isinstance(error, _LOSSES) or (losses > 0 and isinstance(error, GetTimeoutError))
            losses += 1
            if losses > _MAX_LOSSES or not is_loss:
                raise _translated(error, work.settings.start_timeout_s) from error
        # The failed execution sits in reference cycles and would keep its actors, and their CPUs, alive.
        gc.collect()
        time.sleep(_PAUSE_AFTER_LOSS_S)
        for fields in work.committed(set(waiting)):
            del waiting[fields["part"]]
            yield fields
        if waiting and not cluster_size()[0]:
            raise JobIncompleteError(
                "no node of Ray is left (killed, or out of memory?). Committed parts stay; the same command "
                "continues the job"
            )


def _execute(work: Work, items: Sequence[bytes], stages: Stages) -> Iterator[dict[str, Any]]:
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.wait_for_min_actors_s = work.settings.start_timeout_s
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what goes wrong comes as an exception
    rows = [{"item": item} for item in items]
    with ray.data.DataContext.current(context):
        dataset = ray.data.from_items(rows, override_num_blocks=min(len(rows), _MAX_BLOCKS))
        for kind, pool in stages:
            dataset = _map(dataset, pool, kind, work)
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for result in batch["item"].to_pylist():
                yield json.loads(result)


def _map(dataset: Any, pool: Pool, kind: str, work: Work) -> Any:
    with warnings.catch_warnings():
        # max_task_retries has no successor yet among the arguments that Ray 2.64 will keep.
        warnings.simplefilter("ignore", ray.util.annotations.RayDeprecationWarning)
        return dataset.map_batches(
            StageActor,
            fn_constructor_args=(
                kind,
                work.setup,
                work.out,
                work.settings.stall_timeout_s,
                work.settings.start_timeout_s,
            ),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=pool.size),
            num_cpus=pool.cpus,
            num_gpus=pool.gpus or None,
            max_task_retries=_MAX_TASK_RETRIES,
        )


def _translated(error: RayError, start_timeout_s: int) -> PipelineError:
    """What the user has to know of an engine's error: the worker's own, where it was one of ours."""
    cause: BaseException | None = error
    while cause is not None:
        inner = cause.cause if isinstance(cause, RayTaskError) else cause.__cause__
        if isinstance(cause, PipelineError):
            return cause
        if isinstance(cause, GetTimeoutError):
            return ResourceError(
                f"the job's actors did not start within engine.start_timeout_s = {start_timeout_s} s; is the "
                f"cluster busy with other jobs? It has {ray.cluster_resources()}, of which free are "
                f"{ray.available_resources()}"
            )
        cause = inner
    died = "a worker died again and again" if isinstance(error, RayActorError) else "a worker failed"
    return JobIncompleteError(
        f"{died}: {str(error).strip().splitlines()[-1]}. Committed parts stay; the same command continues"
    )
