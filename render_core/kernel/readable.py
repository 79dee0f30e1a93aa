"""The look-up of a view in NumPy: the arithmetic of `sampling.c`, step by step, to the byte.

It serves machines for which the package was built without a compiler, and the tests.
"""

import numpy as np
from jaxtyping import Bool, Float32, Int16, UInt8

from render_core.kernel.weights import BORDER_BEFORE_PX, SUBPIXEL_BITS, SUBPIXELS, WEIGHT_BITS

# After the sums down the columns, values keep 6 bits below a level.
_MIDDLE_SHIFT = 8
_SUM_BITS = 2 * WEIGHT_BITS - _MIDDLE_SHIFT
_MIX_BITS = 8
# Shares of twins within two of 0 or 255 make no difference that shows.
_NEGLIGIBLE = 2
_PIECE = 4096


def sample_view(
    points: Float32[np.ndarray, "4 n"],
    head_mask: Bool[np.ndarray, "h w"],
    source: UInt8[np.ndarray, "sh sw 4"],
    projection: Float32[np.ndarray, "3 4"],
    weights: Int16[np.ndarray, "steps taps"],
    twins: UInt8[np.ndarray, "2 side side"],
    cell_px: int,
    channels: int,
) -> UInt8[np.ndarray, "h w channels"]:
    """As `render_core.kernel.sample_view`; the projection counts from the source's border."""
    sums = _look_up(source, *_positions(points, projection, source.shape), weights)
    if twins.size:
        shares = _shares(twins, cell_px, head_mask)
        pixel = np.flatnonzero(shares)
        twin_points = points[:, pixel] * np.array([[-1], [1], [1], [1]], np.float32)
        twin = _look_up(source, *_positions(twin_points, projection, source.shape), weights)
        share = shares[pixel]
        mixed = (sums[:, pixel] >> _MIX_BITS) * (256 - share) + (twin >> _MIX_BITS) * share
        sums[:, pixel] = np.where(share == 256, twin, mixed)
    levels = (sums[:channels] + (1 << (_SUM_BITS - 1))) >> _SUM_BITS
    picture = np.ascontiguousarray(levels.clip(0, 255).astype(np.uint8).T)
    return picture.reshape(*head_mask.shape, channels)


def _positions(
    points: np.ndarray, P: np.ndarray, source_shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of every point in the source, int32, in 1 / SUBPIXELS."""
    x, y, z = points[:3]
    limits = (source_shape[1] - BORDER_BEFORE_PX, source_shape[0] - BORDER_BEFORE_PX)
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


def _shares(twins: np.ndarray, cell_px: int, head_mask: np.ndarray) -> np.ndarray:
    """int32 (n,): of each pixel, the share of its twin, 0 to 256, between the middles of cells."""
    last = twins.shape[1] - 1
    (above, below, down), (left, right, across) = (_between(size, cell_px, last) for size in head_mask.shape)
    cells = twins.astype(np.int32)
    mixed = cells[:, above] * (2 * cell_px - down)[:, None] + cells[:, below] * down[:, None]
    sums = mixed[:, :, left] * (2 * cell_px - across) + mixed[:, :, right] * across
    chosen = np.where(head_mask, sums[0], sums[1]).astype(np.float32)
    step = np.float32(1) / np.float32(4 * cell_px * cell_px)
    share = (chosen * step + np.float32(0.5)).astype(np.int32).reshape(-1)
    share[share <= _NEGLIGIBLE] = 0
    share[share >= 255 - _NEGLIGIBLE] = 255
    return np.asarray(share + (share >> 7))


def _between(size: int, cell_px: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cell before each pixel of a side, the one after it, and how far after, of 2 `cell_px`."""
    # x / cell + 1 / (2 cell) - 1/2 = (2 x + 1 - cell) / (2 cell)
    place, rest = np.divmod(2 * np.arange(size, dtype=np.int32) + 1 - cell_px, 2 * cell_px)
    return place.clip(0, last), (place + 1).clip(0, last), rest
