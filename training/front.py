"""Which shape of network is worth its time: several, trained on the same few faces, against their speed.

Accuracy after a short run ranks networks; it says nothing of what a long run reaches.
"""

import csv
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from training.config import NetworkConfig, TrainingConfig
from training.crops import TrainingDataError
from training.dataset import load_faces, split
from training.export import Calibration, export
from training.loop import check_batches, keep_opencv_single, measure, train

RESULT = "front.csv"
_BATCH, _ROUNDS = 32, 40


@dataclass(frozen=True)
class Point:
    """One network. `relative_time`: time a face at batch 32 on one thread, in that of the first network."""

    name: str
    parameters: int
    relative_time: float
    ms_a_face: float
    mean_deg: float
    median_deg: float


def measure_front(config: TrainingConfig, networks: dict[str, NetworkConfig], out: Path) -> list[Point]:
    """Trains every network with the settings of `config`, in a folder each, and writes front.csv.

    Runs that are complete are not repeated. Raises TrainingDataError without a network.
    """
    if not networks:
        raise TrainingDataError("there is no network to compare; expected some under `networks`")
    keep_opencv_single()
    faces, watched = split(load_faces(config.data), config.loop.held_out)
    checks = check_batches(watched, config)
    results: dict[str, tuple[int, float, float]] = {}
    for name, shape in networks.items():
        settings = config.model_copy(update={"name": name, "network": shape})
        network = train(settings, out / name, faces, watched)
        mean, median = measure(network, checks)
        export(network, Calibration(0.0, 1.0), settings, out / f"{name}.onnx")
        results[name] = (sum(p.numel() for p in network.parameters()), mean, median)
    seconds = _interleaved({name: out / f"{name}.onnx" for name in networks}, config.network.size_px)
    first = next(iter(seconds.values()))
    points = [
        Point(name, count, seconds[name] / first, 1000 * seconds[name], mean, median)
        for name, (count, mean, median) in results.items()
    ]
    with (out / RESULT).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(points[0])))
        writer.writeheader()
        writer.writerows(asdict(point) for point in points)
    return points


def _interleaved(files: dict[str, Path], size_px: int) -> dict[str, float]:
    """Seconds a face of every network, measured in turn so that other load on the machine meets all alike;
    medians."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions = {
        name: onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for name, path in files.items()
    }
    crops = np.random.default_rng(0).integers(0, 256, (_BATCH, size_px, size_px, 3), np.uint8)
    taken: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(_ROUNDS):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(None, {"image": crops})
            taken[name].append((time.perf_counter() - start) / _BATCH)
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}
