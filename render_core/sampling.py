"""From a photo to the pixels of one view: project, look up, and take the twin where it shows more."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.grid import ViewGrid
from render_core.sight import MIRROR
from render_core.source import Source

# Shares of twins are counted in this many steps; those within two of 0 or 1 make no difference that shows.
_STEPS = 255
_NEGLIGIBLE = 2
# OpenCV takes no image with a side beyond 32,766: lists of positions are laid out in rows.
_ROW = 256


@dataclass(frozen=True)
class Lookup:
    """OpenCV's codes of an interpolation and of what lies beyond the photo."""

    interpolation: int
    border: int

    def __call__(self, image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        sampled: np.ndarray = cv2.remap(image, x, y, self.interpolation, borderMode=self.border)
        return sampled


@dataclass(frozen=True)
class _Mixed:
    """Pixels, by number, that show two places of the photo: `share` of them is from `position` "2 k"."""

    pixel: np.ndarray
    position: np.ndarray
    share: np.ndarray


def sample_view(
    source: Source,
    grid: ViewGrid,
    lookup: Lookup,
    twin_weights: Float[np.ndarray, "2 side side"] | None,
    cell_px: int,
) -> UInt8[np.ndarray, "s s *c"]:
    """The view of `grid` in the source.

    `twin_weights` are the shares of the twins on the other half, for the head and for the backdrop, in cells
    of `cell_px` pixels.
    """
    size = grid.size_px
    position = _positions(source.projection, grid.points)
    mixed = None if twin_weights is None else _take_twins(position, source, grid, twin_weights, cell_px)
    sampled = lookup(source.image, *position.reshape(2, size, size))
    if mixed is not None and mixed.pixel.size:
        _mix(sampled, source, lookup, mixed)
    return _to_levels(sampled)


def _positions(projection: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Positions "2 n" in the photo of homogeneous points "4 n"."""
    projected = projection.astype(np.float32) @ points
    # (u, v) = (x, y) / z
    position: np.ndarray = projected[:2]
    position /= projected[2]
    return position


def _take_twins(
    position: np.ndarray, source: Source, grid: ViewGrid, twin_weights: np.ndarray, cell_px: int
) -> _Mixed | None:
    """Move the positions "2 n" of pixels that their twin shows better; gives the pixels that show both."""
    used = np.flatnonzero(twin_weights.any(axis=(0, 2)))
    if not used.size:
        return None
    first, last = max(0, int(used[0]) - 1), int(used[-1]) + 2
    start = first * cell_px
    shares = _enlarged(twin_weights[:, first:last], cell_px, grid.head_mask[start : last * cell_px])
    first_pixel = start * grid.size_px
    # Unsigned bytes wrap around: what is nearly nothing becomes more than what is nearly all.
    mixed = np.flatnonzero(shares - np.uint8(_NEGLIGIBLE) < _STEPS - 2 * _NEGLIGIBLE)
    share, mixed_pixel = shares[mixed] * np.float32(1 / _STEPS), mixed + first_pixel
    direct = position.take(mixed_pixel, axis=1)

    # The larger share is looked up with all other pixels; the lesser one apart, and only where it counts.
    to_twin = source.projection @ MIRROR
    replaced = np.flatnonzero(shares > _STEPS // 2) + first_pixel
    position[0][replaced], position[1][replaced] = _positions(to_twin, grid.points.take(replaced, axis=1))
    twin = _positions(to_twin, grid.points.take(mixed_pixel, axis=1))
    other = np.where(share > 0.5, direct, twin)
    return _Mixed(mixed_pixel, other, np.minimum(share, 1.0 - share))


def _enlarged(twin_weights: np.ndarray, cell_px: int, head_mask: np.ndarray) -> np.ndarray:
    """Steps of the shares of the pixels in some rows of cells, each from its own kind: head or backdrop."""
    height, width = head_mask.shape
    head, backdrop = (
        cv2.resize(steps, None, fx=cell_px, fy=cell_px, interpolation=cv2.INTER_LINEAR)[:height, :width]
        for steps in (cv2.convertScaleAbs(cells, alpha=_STEPS) for cells in twin_weights)
    )
    shares: np.ndarray = np.where(head_mask, head, backdrop).reshape(-1)
    return shares


def _mix(sampled: np.ndarray, source: Source, lookup: Lookup, mixed: _Mixed) -> None:
    """Add to `sampled` what its mixed pixels show of the other position."""
    count = mixed.pixel.size
    rows = np.zeros((2, -(-count // _ROW) * _ROW), np.float32)
    rows[:, :count] = mixed.position
    other = lookup(source.image, *rows.reshape(2, -1, _ROW)).reshape(rows.shape[1], -1)[:count]
    channels = other.shape[1]
    # Whole pixels move as one value each: many times faster than rows of three numbers.
    whole = np.dtype((np.void, channels * sampled.itemsize))
    pixels = sampled.reshape(-1, channels).view(whole).reshape(-1)
    one = pixels.take(mixed.pixel).view(np.float32)
    # (1 - s) p + s q = p + s (q - p)
    difference = other.reshape(-1) - one
    difference *= cv2.merge([mixed.share] * channels).reshape(-1)
    one += difference
    pixels[mixed.pixel] = one.view(whole)


def _to_levels(sampled: Float[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """Rounded to the nearest level; cubic interpolation overshoots."""
    cv2.threshold(sampled, 0, 0, cv2.THRESH_TOZERO, dst=sampled)
    levels: np.ndarray = cv2.convertScaleAbs(sampled)
    return levels
