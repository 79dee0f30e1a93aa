"""The photo as the renderer samples it: the needed part, shrunk where it is too fine, and continued."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

# A photo with more pixels than the first figure per pixel of the view is shrunk to the second one: cubic
# sampling looks at 4 x 4 pixels only, so a finer photo would alias.
_SHRINK_ABOVE = 1.5
_SHRUNK_TO = 1.25
# OpenCV's sampling takes no larger image.
_LARGEST_PX = 32_000
# Cubic sampling reads one pixel before and two after a position.
_MARGIN_PX = 3
# Beyond the photo: blurred over this share of its size, fading in over a quarter of that; never wider than
# one and a half photos, beyond which the blur is one colour anyway.
_BLUR_SHARE = 0.12
_WIDEST_BORDER = 1.5

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Source:
    """A photo or a part of it, and the projection of head-frame millimetres to its pixels."""

    image: UInt8[np.ndarray, "h w *c"]
    projection: Float[np.ndarray, "3 4"]


def prepare_source(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    view_pixels_per_mm: float,
    bounds_px: Bounds,
) -> Source:
    """The source for views that show a millimetre of the head as `view_pixels_per_mm` pixels.

    `bounds_px` (left, top, right, bottom) holds all positions in the photo that will be sampled. A photo that
    has to be shrunk keeps nothing else.
    """
    ratio = pixels_per_mm(projection) / view_pixels_per_mm
    if ratio <= _SHRINK_ABOVE and max(image.shape[:2]) < _LARGEST_PX:
        return Source(image, projection)
    scale = min(1.0, _SHRUNK_TO / ratio)
    height, width = image.shape[:2]
    margin = _MARGIN_PX / scale
    left, right = _clipped(bounds_px[0] - margin, bounds_px[2] + margin, width)
    top, bottom = _clipped(bounds_px[1] - margin, bounds_px[3] + margin, height)
    new_width = max(1, round((right - left) * scale))
    new_height = max(1, round((bottom - top) * scale))
    shrunk = cv2.resize(image[top:bottom, left:right], (new_width, new_height), interpolation=cv2.INTER_AREA)
    scale_x, scale_y = new_width / (right - left), new_height / (bottom - top)
    # Pixel centres are integers: x' + 1/2 = s (x - left + 1/2).
    photo_to_shrunk = np.array(
        [
            [scale_x, 0.0, scale_x * (0.5 - left) - 0.5],
            [0.0, scale_y, scale_y * (0.5 - top) - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )
    return Source(shrunk, photo_to_shrunk @ projection)


def _clipped(low: float, high: float, size: int) -> tuple[int, int]:
    """At least one pixel of a photo's side, from floor(low) to ceil(high)."""
    first = int(np.clip(np.floor(low), 0, size - 1))
    return first, int(np.clip(np.ceil(high) + 1, first + 1, size))


def pixels_per_mm(projection: Float[np.ndarray, "3 4"]) -> float:
    """Pixels that a millimetre across the line of sight spans at the head's origin."""
    # d(u, v)/dX = (P[:2, :3] - (u, v) P[2, :3]) / z: f/z times two unit vectors, for square pixels.
    depth = projection[2, 3]
    position = projection[:2, 3] / depth
    jacobian = (projection[:2, :3] - np.outer(position, projection[2, :3])) / depth
    return float(np.linalg.svd(jacobian, compute_uv=False).mean())


def photo_mask(source: Source) -> Source:
    """255 in every pixel of the source: sampled with black beyond it, this tells photo from nothing."""
    return Source(np.full(source.image.shape[:2], 255, np.uint8), source.projection)


def blur_beyond(source: Source, bounds_px: Bounds) -> Source:
    """The source continued to `bounds_px` (of the source) by its edge, ever more blurred."""
    height, width = source.image.shape[:2]
    widest = _WIDEST_BORDER * max(height, width)
    left, top, right, bottom = (
        int(np.clip(np.ceil(overshoot), 0, widest))
        for overshoot in (-bounds_px[0], -bounds_px[1], bounds_px[2] - width + 1, bounds_px[3] - height + 1)
    )
    if not any((left, top, right, bottom)):
        return source
    padded = cv2.copyMakeBorder(source.image, top, bottom, left, right, cv2.BORDER_REPLICATE)
    reach = max(2.0, _BLUR_SHARE * max(height, width))
    # A blur this wide is the same from an eighth of the pixels.
    coarse = cv2.resize(padded, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), reach / 8, borderType=cv2.BORDER_REPLICATE)
    blurred = cv2.resize(coarse, padded.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    x = np.arange(padded.shape[1], dtype=np.float32) - left
    y = np.arange(padded.shape[0], dtype=np.float32)[:, None] - top
    beyond = np.maximum(np.maximum(-x, x - (width - 1)), np.maximum(-y, y - (height - 1)))
    share = np.clip(beyond / (reach / 4), 0.0, 1.0)
    mixed = cv2.blendLinear(padded, blurred, 1.0 - share, share)
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
    return Source(mixed, shift @ source.projection)
