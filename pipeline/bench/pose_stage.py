"""Poses on a device: the network's kernel alone, the network as the job calls it, and several actors at once.

How close the job's calls come to the kernel says whether the device is kept busy; how much several actors add
says how many should share one device.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import onnxruntime

from fpn_core import PoseNetwork, default_model_path, metadata_to_spec
from fpn_core.network import crops_to_input, read_model_file
from fpn_core.session import CPU, Device, open_session
from pipeline.bench.timing import Timing, time_in_turns

_WARM_UP_CALLS = 5
_START_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class PoseTimes:
    """Poses of batches of crops, in one way."""

    what: str
    batch_size: int
    faces_per_s: float
    batch_s: float
    """Median of a call, with several actors the mean time that a batch of one of them takes."""
    spread: float


def time_poses(model: Path | None, device: Device, batch_size: int, rounds: int) -> list[PoseTimes]:
    """The kernel with its input on the device already, and the whole call from crops to poses.

    Raises:
        ProviderError: the device was asked for and does not work.
    """
    network = PoseNetwork(model, device=device)
    crops = make_crops(network.spec.size_px, batch_size)
    kernel = bound_kernel(model, device, crops)
    calls = {"kernel alone": kernel, "crops to poses": lambda: network(crops, batch_size)}
    for _ in range(_WARM_UP_CALLS):  # GPUs raise their clock, TensorRT builds its engine
        kernel()
    timings = time_in_turns(calls, rounds)
    return [_times(f"{what}, {_short(network)}", batch_size, timings[what]) for what in calls]


def time_actors(
    model: Path | None, device: Device, batch_size: int, actors: int, seconds: float
) -> PoseTimes:
    """Runs several processes at once, each posing batches as a pose actor does.

    Raises:
        RuntimeError: an actor did not start or did not answer.
    """
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(actors), context.Queue()
    arguments = (model, device, batch_size, seconds, barrier, answers)
    processes = [context.Process(target=_pose_for, args=arguments, daemon=True) for _ in range(actors)]
    for process in processes:
        process.start()
    batches = []
    for _ in processes:
        try:
            answer = answers.get(timeout=_START_TIMEOUT_S + seconds)
        except Empty:
            answer = f"it gave no answer in {_START_TIMEOUT_S + seconds:g} s"
        if isinstance(answer, str):
            raise RuntimeError(f"an actor failed: {answer}")
        batches.append(answer)
    for process in processes:
        process.join()
    network = PoseNetwork(model, device=device)
    rate = sum(batches) * batch_size / seconds
    what = f"{actors} actor{'s' if actors > 1 else ''}, {_short(network)}"
    uneven = (max(batches) - min(batches)) / max(statistics.median(batches), 1)
    return PoseTimes(what, batch_size, rate, seconds * actors / max(sum(batches), 1), uneven)


def bound_kernel(model: Path | None, device: Device, crops: np.ndarray) -> Callable[[], object]:
    """The network's run alone: its input lies on the device, its outputs stay there, and its end is waited
    for.

    crops: uint8 (n, s, s, 3).
    """
    path = default_model_path() if model is None else model
    session, _ = open_session(read_model_file(path), str(path), device, threads=1)
    spec = metadata_to_spec(session.get_modelmeta().custom_metadata_map)
    where = "cpu" if session.get_providers()[0] == CPU else "cuda"
    fed = onnxruntime.OrtValue.ortvalue_from_numpy(crops_to_input(crops, spec), where, 0)
    binding = session.io_binding()
    binding.bind_ortvalue_input(spec.input_name, fed)
    for output in session.get_outputs():
        binding.bind_output(output.name, where)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def make_crops(size_px: int, count: int) -> np.ndarray:
    """uint8 (n, s, s, 3): noise, whose content does not matter to the time."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size_px, size_px, 3), dtype=np.uint8)


def _pose_for(
    model: Path | None,
    device: Device,
    batch_size: int,
    seconds: float,
    barrier: Barrier,
    answers: "Queue[int | str]",
) -> None:
    """One actor: puts the number of batches that it finished in time into `answers`."""
    try:
        network = PoseNetwork(model, device=device)
        crops = make_crops(network.spec.size_px, batch_size)
        for _ in range(_WARM_UP_CALLS):
            network(crops, batch_size)
        barrier.wait(_START_TIMEOUT_S)
        end, batches = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            network(crops, batch_size)
            batches += 1
        answers.put(batches)
    except Exception as error:  # reported to the process that waits
        answers.put(f"{type(error).__name__}: {error}")


def _times(what: str, batch_size: int, timing: Timing) -> PoseTimes:
    return PoseTimes(what, batch_size, batch_size / timing.median_s, timing.median_s, timing.spread)


def _short(network: PoseNetwork) -> str:
    return f"{network.spec.name} on {network.provider.removesuffix('ExecutionProvider')}"
