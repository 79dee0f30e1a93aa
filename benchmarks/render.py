"""Speed of the renderer against its floor, on one thread: python benchmarks/render.py

The floor is what no renderer of this kind can do without, for the same pixels and in the same process: one
float32 multiplication of the grid by the camera, the division by depth, and one remap of the photo. Prints
milliseconds of processor time per view, the floor and their ratio, medians over interleaved rounds; then what
a worker pays once: time to build a renderer, its memory, and the time to read a head from its file.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np

from render_core import Renderer, kernel
from render_core.clean import Interpolation
from render_core.grid import ViewGrid, build_grid, held_or_drawn_view
from render_core.head import Head, ViewedHead
from render_core.head_file import read_head_file, write_head_file
from render_core.heads import head_names, load_head
from render_core.view import PRESET_VIEWS_DEG, angles_to_rotation, view_camera

PHOTO_PX = 400
_INTERPOLATION: dict[Interpolation, int] = {"cubic": cv2.INTER_CUBIC, "linear": cv2.INTER_LINEAR}


def photo() -> np.ndarray:
    """A picture with detail at all scales; its content does not matter to the time."""
    generator = np.random.default_rng(0)
    picture = np.zeros((PHOTO_PX, PHOTO_PX, 3))
    for size in (8, 32, 128, PHOTO_PX):
        noise = generator.uniform(0, 64, (size, size, 3))
        picture += cv2.resize(noise, (PHOTO_PX, PHOTO_PX), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture, 0, 255).astype(np.uint8)


def pose(yaw_deg: float) -> np.ndarray:
    """A face that fills about 60 % of the photo."""
    K = np.array([[2880.0, 0, PHOTO_PX / 2], [0, 2880.0, PHOTO_PX / 2], [0, 0, 1]])
    return np.asarray(K @ np.column_stack([angles_to_rotation(yaw_deg, 5.0, 8.0), [0.0, 10.0, 2600.0]]))


def floor(picture: np.ndarray, P: np.ndarray, grid: ViewGrid, interpolation: int) -> None:
    u, v, depth = P.astype(np.float32) @ grid.points
    shape = (grid.size_px, grid.size_px)
    cv2.remap(picture, (u / depth).reshape(shape), (v / depth).reshape(shape), interpolation)


def medians_ms(rounds: int, *jobs: Callable[[], object]) -> list[float]:
    """Median time of each job; the jobs take turns, so that a busy moment of the machine hits all of them."""
    times = np.empty((rounds, len(jobs)))
    for row in times:
        for number, job in enumerate(jobs):
            start = time.process_time()
            job()
            row[number] = 1000 * (time.process_time() - start)
    return [float(value) for value in np.median(times, axis=0)]


def compare(head: Head, size_px: int, interpolation: Interpolation, yaw_deg: float, rounds: int) -> None:
    renderer = Renderer(head, PRESET_VIEWS_DEG, size_px=size_px, interpolation=interpolation)
    grids = [build_grid(head, view_camera(view, size_px=size_px)) for view in PRESET_VIEWS_DEG]
    picture, P = photo(), pose(yaw_deg)

    def least() -> None:
        for grid in grids:
            floor(picture, P, grid, _INTERPOLATION[interpolation])

    views = len(PRESET_VIEWS_DEG)
    whole, bottom = (ms / views for ms in medians_ms(rounds, lambda: renderer.render(picture, P), least))
    click.echo(
        f"{size_px:4} px  {interpolation:6}  yaw {yaw_deg:4.0f}  {whole:6.3f} ms a view  "
        f"floor {bottom:6.3f}  ratio {whole / bottom:4.2f}"
    )


def worker_costs() -> None:
    """What a worker pays once, and keeps: all heads of the package, five views each."""
    with tempfile.TemporaryDirectory() as folder:
        cache_dir = Path(folder)
        before = resident_mb()
        first = seconds(lambda: Renderer(load_head(head_names()[0]), cache_dir=cache_dir))
        renderers = [Renderer(load_head(name), cache_dir=cache_dir) for name in head_names()]
        memory = resident_mb() - before
        again = seconds(lambda: Renderer(load_head(head_names()[0]), cache_dir=cache_dir))
        click.echo(
            f"a renderer is ready in {first:.2f} s, from its cache in {1000 * again:.0f} ms; "
            f"{len(renderers)} heads with five views take {memory:.0f} MB"
        )
        head = load_head(head_names()[0])
        views = {float(yaw): held_or_drawn_view(head, view_camera(yaw)) for yaw in PRESET_VIEWS_DEG}
        path = write_head_file(cache_dir / "head.npz", ViewedHead("head", views))
        loading = min(seconds(lambda: list(read_head_file(path).views.values())) for _ in range(20))
        click.echo(f"a head file with five views is read in {1000 * loading:.1f} ms")


def seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def resident_mb() -> float:
    """Memory of this process now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@click.command(help=__doc__)
@click.option("--rounds", default=200, show_default=True, help="Repetitions; the median counts.")
def main(rounds: int) -> None:
    cv2.setNumThreads(1)
    head = load_head(head_names()[0])
    click.echo(
        f"kernel {kernel.best_path()}, OpenCV {cv2.__version__}, NumPy {np.__version__}, "
        "five views, clean mode with symmetry"
    )
    cases: list[tuple[int, Interpolation, float]] = [
        (224, "cubic", 0.0),
        (224, "cubic", 12.0),
        (224, "cubic", 30.0),
        (224, "linear", 12.0),
        (112, "cubic", 12.0),
        (112, "linear", 12.0),
    ]
    for size_px, interpolation, yaw_deg in cases:
        compare(head, size_px, interpolation, yaw_deg, rounds)
    worker_costs()


if __name__ == "__main__":
    main()
