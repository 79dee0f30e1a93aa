"""Inputs of the kernel, most of them hostile, and what they must give."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from render_core.kernel import PATHS, Edges, Path, ViewCells, sample_view
from render_core.kernel.weights import BORDER_AFTER_PX, BORDER_BEFORE_PX, cubic_weights, linear_weights

# Width and height of photos.
SIZES = [(1, 1), (2, 1), (1, 10_000), (10_000, 1), (30_000, 10), (40, 30)]
FACTORS = [1.0, 1e-6, 1e6, 1e-30, 1e30]


@dataclass(frozen=True)
class Case:
    """The arguments of `sample_view`."""

    points: np.ndarray
    head_mask: np.ndarray
    source: np.ndarray
    projection: np.ndarray
    weights: np.ndarray
    cells: ViewCells
    edges: Edges
    channels: int

    def picture(self, path: Path) -> np.ndarray:
        """What a path of this machine makes of it."""
        return sample_view(
            *(
                self.points,
                self.head_mask,
                self.source,
                self.projection,
                self.weights,
                self.cells,
                self.edges,
            ),
            channels=self.channels,
            path=path,
        )

    def encoded(self, path: Path) -> bytes:
        """As `run_cases.c` reads it."""
        P = np.array(self.projection, np.float64)
        P[:2] += BORDER_BEFORE_PX * P[2]
        numbers = [*self.head_mask.shape, *self.source.shape[:2], self.weights.shape[1], self.cells.side]
        numbers += [self.cells.cell_px, len(self.edges.pixel), self.channels, PATHS[path] or 0]
        with np.errstate(over="ignore"):
            arrays = [
                *(np.array(numbers, np.int32), *self.points[:3], self.head_mask, self.source),
                *(P.astype(np.float32), self.weights, self.cells.twins, self.cells.fill, self.cells.trust),
                *(self.cells.offsets, self.edges.pixel, self.edges.points, self.edges.share),
            ]
        return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def all_cases() -> list[Case]:
    """The same ones at every call."""
    generator = np.random.default_rng(7)
    return [*_sizes_and_scales(generator), *_not_finite(generator), *_ordinary(generator)]


def _case(
    generator: np.random.Generator, wh: tuple[int, int], projection: np.ndarray, size: int = 23
) -> Case:
    points = np.ones((4, size * size), np.float32)
    points[:3] = generator.uniform(-100, 100, (3, size * size))
    width, height = (px + BORDER_BEFORE_PX + BORDER_AFTER_PX for px in wh)
    return Case(
        points=points,
        head_mask=generator.random((size, size)) < 0.5,
        source=generator.integers(0, 256, (height, width, 4)).astype(np.uint8),
        projection=projection,
        weights=[cubic_weights, linear_weights][int(generator.integers(2))](),
        cells=_cells(generator, size) if generator.random() < 0.9 else ViewCells(),
        edges=_edges(generator, size),
        channels=int(generator.integers(3, 5)),
    )


def _cells(generator: np.random.Generator, size: int) -> ViewCells:
    """Shares of nothing, of all and between, now and then all nothing; offsets up to half a photo."""
    cell_px = int(generator.integers(1, 9))
    side = math.ceil(size / cell_px)
    twins, fill, trust = (
        generator.integers(-200, 456, (2, side, side)).clip(0, 255).astype(np.uint8)
        * int(generator.random() < 0.7)
        for _ in range(3)
    )
    reach = generator.choice([0, 50, 2**15 - 1])
    offsets = generator.integers(-reach, reach + 1, (4, side, side)).astype(np.int16)
    return ViewCells(cell_px, twins.astype(np.uint8), fill.astype(np.uint8), trust.astype(np.uint8), offsets)


def _edges(generator: np.random.Generator, size: int) -> Edges:
    count = int(generator.integers(0, size * size // 3 + 1))
    pixel = np.sort(generator.permutation(size * size)[:count]).astype(np.int32)
    points = generator.uniform(-100, 100, (3, count)).astype(np.float32)
    return Edges(pixel, points, generator.integers(0, 256, count).astype(np.uint8))


def _camera(wh: tuple[int, int], spread: float = 1.5) -> np.ndarray:
    """Sees points of -100 to 100 mm over a photo and what lies beyond its edges."""
    width, height = wh
    return np.array(
        [
            [spread * width / 200, 0.0, 0.01, width / 2],
            [0.01, spread * height / 200, 0.0, height / 2],
            [1e-5, 0.0, 1e-5, 1.0],
        ]
    )


def _sizes_and_scales(generator: np.random.Generator) -> Iterator[Case]:
    for wh in SIZES:
        for spread in (0.9, 3.0, 1e9, 1e-9):
            yield _case(generator, wh, _camera(wh, spread))
        for factor in FACTORS:
            yield _case(generator, wh, factor * _camera(wh))


def _not_finite(generator: np.random.Generator) -> Iterator[Case]:
    for value in (np.nan, np.inf, -np.inf, 1e38, -1e38, 0.0, 5e-324):
        for place in range(12):
            projection = _camera((9, 9))
            projection.flat[place] = value
            yield _case(generator, (9, 9), projection, size=7)
    yield _case(generator, (9, 9), np.zeros((3, 4)))
    yield _case(generator, (9, 9), -_camera((9, 9)))
    for value in (np.nan, np.inf, -3e38):
        case = _case(generator, (9, 9), _camera((9, 9)))
        case.points[:3, ::5] = value
        yield case


def _ordinary(generator: np.random.Generator) -> Iterator[Case]:
    """Views of more than one block of pixels, with smooth shares."""
    for size in (1, 2, 255, 257, 300):
        yield _case(generator, (120, 90), _camera((120, 90)), size)
