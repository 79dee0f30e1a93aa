"""Speed of pose networks and of what comes before them: python benchmarks/network.py [MODEL ...]

Prints milliseconds per face for every network (the included one, and those given), batch size and number of
CPU threads (transfers included where --device is a GPU); then the preprocessing of one face from a decoded
photo to the network's input, on one thread, beside the single resize that no preprocessing can do without.
Medians over interleaved rounds.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np
import onnxruntime

from fpn_core import NetworkSpec, PoseNetwork, crop_windows, default_model_path, extract_crop
from fpn_core.convert import fpn_2017
from fpn_core.network import crops_to_input
from fpn_core.session import DEVICES, Device

THREADS = (1, 2)
PHOTOS_PX = (250, 1000)
_CV2_INTERPOLATION = {"cubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR}


def photo(size_px: int) -> np.ndarray:
    """A picture with detail at all scales; its content does not matter to the time."""
    generator = np.random.default_rng(0)
    picture = np.zeros((size_px, size_px, 3))
    for size in (8, 32, 128):
        noise = generator.uniform(0, 85, (size, size, 3))
        picture += cv2.resize(noise, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture, 0, 255).astype(np.uint8)


def medians_ms(rounds: int, jobs: Sequence[Callable[[], object]]) -> np.ndarray:
    """Median time of each job; the jobs take turns, so that a busy moment of the machine hits all of them."""
    times = np.empty((rounds, len(jobs)))
    for row in times:
        for number, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            row[number] = 1000 * (time.perf_counter() - start)
    return np.median(times, axis=0)


def measure_network(path: Path, device: Device, batches: tuple[int, ...], rounds: int) -> None:
    for threads in THREADS if device == "cpu" else (1,):
        network = PoseNetwork(path, device=device, threads=threads)
        size = network.spec.size_px
        jobs = []
        for batch in batches:
            crops = np.repeat(cv2.resize(photo(250), (size, size))[None], batch, axis=0)
            network(crops, batch_size=batch)
            jobs.append(partial(network, crops, batch_size=batch))
        per_face = medians_ms(rounds, jobs) / batches
        times = "  ".join(f"{ms:7.2f}" for ms in per_face)
        runs_on = f"{threads} threads" if device == "cpu" else network.provider_reason.partition(":")[0]
        click.echo(f"{network.spec.name:24} {size:4} px  {runs_on:9}  {times}")


def measure_preprocessing(spec: NetworkSpec, photo_px: int, inside: bool, rounds: int) -> None:
    """A face whose window is two thirds of the photo, or reaches over its left and upper edge."""
    picture, side = photo(photo_px), photo_px * 2 / 3 / 1.5
    corner = (photo_px - side) / 2 if inside else photo_px / 20
    box = np.array([[corner, corner, side, side]])
    x0, y0, x1, y1 = crop_windows(box, spec.crop_expand)[0]
    part = np.ascontiguousarray(photo(photo_px)[: y1 - y0, : x1 - x0])
    interpolation = _CV2_INTERPOLATION[spec.crop_interpolation]

    def whole() -> None:
        window = crop_windows(box, spec.crop_expand)[0]
        crops_to_input(extract_crop(picture, window, spec.size_px, spec.crop_interpolation)[None], spec)

    def single_resize() -> None:
        cv2.resize(part, (spec.size_px, spec.size_px), interpolation=interpolation)

    ours, floor = medians_ms(rounds, [whole, single_resize])
    place = "inside" if inside else "over the edge"
    click.echo(
        f"{spec.name:24} {photo_px:5} px photo, window {x1 - x0:4} px {place:13}"
        f"  {ours:6.3f} ms, resize ({spec.crop_interpolation}) {floor:6.3f}, ratio {ours / floor:4.2f}"
    )


def write_original(folder: Path) -> Path:
    """The original's network with weights drawn by chance: what they are does not matter to the time."""
    rng = np.random.default_rng(0)
    shapes = fpn_2017.variable_shapes(fpn_2017.Widths())
    weights = {name: rng.normal(0, 0.01, shape).astype(np.float32) for name, shape in shapes.items()}
    labels = np.array([0, 0, 0, 0, 0, 3000.0])
    fpn_2017.write_network(
        weights, fpn_2017.Statistics(np.zeros(3), labels, np.ones(6)), folder / "fpn-2017.onnx"
    )
    return folder / "fpn-2017.onnx"


@click.command(help=__doc__)
@click.argument("models", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--original", is_flag=True, help="Also the original's network, with random weights.")
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True)
@click.option("--batch", "batches", multiple=True, default=(1, 8, 32, 128), show_default=True)
@click.option("--rounds", default=15, show_default=True, help="Repetitions; the median counts.")
def main(
    models: tuple[Path, ...], original: bool, device: Device, batches: tuple[int, ...], rounds: int
) -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = [default_model_path(), *models, *([write_original(Path(folder))] if original else [])]
        measure(paths, device, batches, rounds)


def measure(paths: list[Path], device: Device, batches: tuple[int, ...], rounds: int) -> None:
    click.echo(f"ONNX Runtime {onnxruntime.__version__}, OpenCV {cv2.__version__}; ms per face at batch")
    click.echo(f"{'':45}" + "  ".join(f"{batch:7}" for batch in batches))
    for path in paths:
        measure_network(path, device, batches, rounds)
    for path in paths:
        for photo_px in PHOTOS_PX:
            for inside in (True, False):
                spec = PoseNetwork(path, device="cpu").spec
                measure_preprocessing(spec, photo_px, inside, rounds=40 * rounds)


if __name__ == "__main__":
    main()
