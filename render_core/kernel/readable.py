"""The look-up of a view in NumPy: the arithmetic of the C beside it, step by step, to the byte.

It serves machines for which the package was built without a compiler, and the tests.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int16, UInt8

from render_core.kernel.inputs import Edges, ViewCells
from render_core.kernel.readable_fill import CellPlaces, blend, spread_colours
from render_core.kernel.weights import BORDER_BEFORE_PX, SUBPIXEL_BITS, SUBPIXELS, WEIGHT_BITS

# After the sums down the columns, values keep 6 bits below a level.
_MIDDLE_SHIFT = 8
_SUM_BITS = 2 * WEIGHT_BITS - _MIDDLE_SHIFT
_MIX_BITS = 8
_OFFSET_STEP = np.float32(SUBPIXELS / 64)
_PIECE = 4096


def sample_view(
    points: Float32[np.ndarray, "4 n"],
    head_mask: Bool[np.ndarray, "h w"],
    source: UInt8[np.ndarray, "sh sw 4"],
    projection: Float32[np.ndarray, "3 4"],
    weights: Int16[np.ndarray, "steps taps"],
    cells: ViewCells,
    edges: Edges,
    channels: int,
) -> UInt8[np.ndarray, "h w channels"]:
    """As `render_core.kernel.sample_view`; the projection counts from the source's border."""
    photo = _Photo(source, projection, weights, cells)
    rows, columns = (grid.reshape(-1) for grid in np.indices(head_mask.shape, np.int32))
    on_head = head_mask.reshape(-1)
    levels = photo.colours(points[:3], CellPlaces(cells, rows, columns, on_head))[:channels]
    if cells.fill.any():
        spread = spread_colours(cells, head_mask, levels)
        blend(levels, CellPlaces(cells, rows, columns, on_head), spread)
    if edges.pixel.size:
        # On these pixels, the other kind.
        places = CellPlaces(cells, rows[edges.pixel], columns[edges.pixel], ~on_head[edges.pixel])
        other = photo.colours(edges.points, places)[:channels]
        if cells.fill.any():
            blend(other, places, spread)
        share = edges.share + (edges.share.astype(np.int32) >> 7)
        own = levels[:, edges.pixel]
        levels[:, edges.pixel] = (own * 256 * (256 - share) + other * 256 * share + (1 << 15)) >> 16
    picture = np.ascontiguousarray(levels.astype(np.uint8).T)
    return picture.reshape(*head_mask.shape, channels)


@dataclass(frozen=True)
class _Photo:
    source: np.ndarray
    projection: np.ndarray
    weights: np.ndarray
    cells: ViewCells

    def colours(self, points: np.ndarray, places: CellPlaces) -> np.ndarray:
        """int32 (4, n): levels of points, mixed with those of their twins."""
        sums = self._sums(points, places, 0)
        share = places.shares(self.cells.twins)
        pixel = np.flatnonzero(share)
        if pixel.size:
            share = share[pixel]
            twin_points = points[:, pixel] * np.array([[-1], [1], [1]], np.float32)
            twin = self._sums(twin_points, places.pick(pixel), 2)
            mixed = (sums[:, pixel] >> _MIX_BITS) * (256 - share) + (twin >> _MIX_BITS) * share
            sums[:, pixel] = np.where(share == 256, twin, mixed)
        levels: np.ndarray = ((sums + (1 << (_SUM_BITS - 1))) >> _SUM_BITS).clip(0, 255)
        return levels

    def _sums(self, points: np.ndarray, places: CellPlaces, first_offset: int) -> np.ndarray:
        """int32 (4, n): the weighted sums of the pixels around each point's position."""
        height, width = self.source.shape[:2]
        column, row = _positions(points, self.projection, (height, width))
        if self.cells.offsets.any():
            offsets = self.cells.offsets[first_offset : first_offset + 2]
            moved = ((places.between(plane) * _OFFSET_STEP).astype(np.int32) for plane in offsets)
            column, row = (
                np.where(
                    places.on_head,
                    (place + step).clip(SUBPIXELS, (side - BORDER_BEFORE_PX) * SUBPIXELS),
                    place,
                )
                for place, step, side in zip((column, row), moved, (width, height), strict=True)
            )
        return _look_up(self.source, column, row, self.weights)


def _positions(
    points: np.ndarray, P: np.ndarray, source_hw: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of every point in the source, int32, in 1 / SUBPIXELS."""
    x, y, z = points
    limits = (source_hw[1] - BORDER_BEFORE_PX, source_hw[0] - BORDER_BEFORE_PX)
    with np.errstate(all="ignore"):
        depth = ((P[2, 1] * y + P[2, 2] * z) + P[2, 3]) + P[2, 0] * x
        column, row = (
            _steps((((p[1] * y + p[2] * z) + p[3]) + p[0] * x) / depth, limit)
            for p, limit in zip(P[:2], limits, strict=True)
        )
    return column, row


def _steps(position: np.ndarray, last: int) -> np.ndarray:
    """From the first position that matters to the last; what is not a number becomes the first."""
    position = np.where(position > 1, position, np.float32(1))
    position = np.where(position < last, position, np.float32(last))
    return np.asarray((position * np.float32(SUBPIXELS) + np.float32(0.5)).astype(np.int32))


def _look_up(source: np.ndarray, column: np.ndarray, row: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """int32 (4, n): the weighted sums of the pixels around each position, in 2^-20 levels, by channel."""
    planes = np.ascontiguousarray(source.reshape(-1, 4).T)
    sums = np.zeros((4, len(column)), np.int32)
    # In pieces that stay in the processor's cache.
    for start in range(0, len(column), _PIECE):
        piece = slice(start, start + _PIECE)
        _add_taps(sums[:, piece], planes, source.shape[1], column[piece], row[piece], weights)
    return sums


def _add_taps(
    sums: np.ndarray,
    planes: np.ndarray,
    width: int,
    column: np.ndarray,
    row: np.ndarray,
    weights: np.ndarray,
) -> None:
    taps = weights.shape[1]
    wx, wy = (weights.T[:, place & (SUBPIXELS - 1)].astype(np.int32) for place in (column, row))
    # A cubic kernel begins one pixel before the position.
    before = 1 if taps == 4 else 0
    corner = ((row >> SUBPIXEL_BITS) - before).astype(np.int64) * width + (column >> SUBPIXEL_BITS) - before
    for c in range(taps):
        down = np.zeros_like(sums)
        for r in range(taps):
            for k in range(4):
                down[k] += wy[r] * planes[k].take(corner + (r * width + c))
        sums += wx[c] * ((down + (1 << (_MIDDLE_SHIFT - 1))) >> _MIDDLE_SHIFT)
