"""The photo as the renderer samples it: the needed part, shrunk where it is too fine, and continued."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.kernel import BORDER_AFTER_PX, BORDER_BEFORE_PX
from render_core.view import pixels_per_mm

# A photo with more pixels than this per pixel of the view is shrunk to it: cubic sampling looks at 4 x 4
# pixels only, so a finer photo would alias. Measured on the portrait inside scikit-image, at views of 48 to
# 112 px against views drawn four times as large and averaged: 34.6 dB with 1.0, 36.6 with 1.3, 36.9 with
# 1.5, 35.2 with 2.0, 32.4 without shrinking.
_FINEST = 1.5
# Cubic sampling reads one pixel before and two after a position.
_MARGIN_PX = 3
# Bounds are those of the middles of cells: pixels at the edge of a view lie a little further out.
_SLACK = 0.03
# Beyond the photo: blurred over this share of its size, fading in over a quarter of that; never wider than
# one and a half photos, beyond which the blur is one colour anyway.
_BLUR_SHARE = 0.12
_WIDEST_BORDER = 1.5

# Positions are counted in 1/1024 px in 32 bits.
_LONGEST_SIDE_PX = 1_000_000

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Source:
    """A part of a photo and the projection of head-frame millimetres to its pixels."""

    image: UInt8[np.ndarray, "h w 3"]
    projection: Float[np.ndarray, "3 4"]


def prepare_source(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    view_pixels_per_mm: float,
    bounds_px: Bounds,
) -> Source:
    """The source for views that show a millimetre of the head as `view_pixels_per_mm` pixels.

    `bounds_px` (left, top, right, bottom) holds the positions in the photo that will be sampled; the source
    is the part of the photo around them.
    """
    height, width = image.shape[:2]
    scale = source_scale((height, width), projection, view_pixels_per_mm)
    slack = _SLACK * max(bounds_px[2] - bounds_px[0], bounds_px[3] - bounds_px[1]) + _MARGIN_PX / scale
    left, right = _clipped(bounds_px[0] - slack, bounds_px[2] + slack, width)
    top, bottom = _clipped(bounds_px[1] - slack, bounds_px[3] + slack, height)
    part = image[top:bottom, left:right]
    new_width = max(1, round((right - left) * scale))
    new_height = max(1, round((bottom - top) * scale))
    if scale < 1:
        part = cv2.resize(part, (new_width, new_height), interpolation=cv2.INTER_AREA)
    scale_x, scale_y = new_width / (right - left), new_height / (bottom - top)
    # Pixel centres are integers: x' + 1/2 = s (x - left + 1/2).
    photo_to_source = np.array(
        [
            [scale_x, 0.0, scale_x * (0.5 - left) - 0.5],
            [0.0, scale_y, scale_y * (0.5 - top) - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )
    return Source(part, photo_to_source @ projection)


def source_scale(
    size_hw: tuple[int, int], projection: Float[np.ndarray, "3 4"], view_pixels_per_mm: float
) -> float:
    """By what a photo is shrunk before it is sampled; 1 for one that is not too fine."""
    ratio = pixels_per_mm(projection) / view_pixels_per_mm
    return float(min(1.0, _FINEST / ratio, _LONGEST_SIDE_PX / max(size_hw)))


def _clipped(low: float, high: float, size: int) -> tuple[int, int]:
    """At least one pixel of a photo's side, from floor(low) to ceil(high)."""
    first = int(np.clip(np.floor(low), 0, size - 1))
    return first, int(np.clip(np.ceil(high) + 1, first + 1, size))


def with_border(
    image: UInt8[np.ndarray, "h w 3"], *, black: bool = False, alpha: bool = False
) -> UInt8[np.ndarray, "bordered_h bordered_w 4"]:
    """The image in four channels with the border that the kernel reads beyond its edge.

    The border goes on with the edge's pixels, or is `black`. With `alpha` the fourth channel is 255 in the
    image and 0 in the border; else it means nothing.
    """
    height, width = image.shape[:2]
    before, after = BORDER_BEFORE_PX, BORDER_AFTER_PX
    four = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    border = cv2.BORDER_CONSTANT if black else cv2.BORDER_REPLICATE
    bordered: np.ndarray = cv2.copyMakeBorder(four, before, after, before, after, border)
    if alpha:
        bordered[:, :, 3] = 0
        bordered[before : before + height, before : before + width, 3] = 255
    return bordered


def blur_beyond(source: Source, photo_to_source: Float[np.ndarray, "3 3"], bounds_px: Bounds) -> Source:
    """The source continued to `bounds_px` (of the photo) by its edge, ever more blurred."""
    height, width = source.image.shape[:2]
    (left, top), (right, bottom) = (
        (photo_to_source @ (x, y, 1.0))[:2] for x, y in (bounds_px[:2], bounds_px[2:])
    )
    widest = _WIDEST_BORDER * max(height, width)
    left, top, right, bottom = (
        int(np.clip(np.ceil(overshoot), 0, widest))
        for overshoot in (-left, -top, right - width + 1, bottom - height + 1)
    )
    if not any((left, top, right, bottom)):
        return source
    padded = cv2.copyMakeBorder(source.image, top, bottom, left, right, cv2.BORDER_REPLICATE)
    reach = max(2.0, _BLUR_SHARE * max(height, width))
    # A blur this wide is the same from an eighth of the pixels.
    eighth = (-(-padded.shape[1] // 8), -(-padded.shape[0] // 8))
    coarse = cv2.resize(padded, eighth, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), reach / 8, borderType=cv2.BORDER_REPLICATE)
    blurred = cv2.resize(coarse, padded.shape[1::-1], interpolation=cv2.INTER_LINEAR)

    x = np.arange(padded.shape[1], dtype=np.float32) - left
    y = np.arange(padded.shape[0], dtype=np.float32)[:, None] - top
    beyond = np.maximum(np.maximum(-x, x - (width - 1)), np.maximum(-y, y - (height - 1)))
    share = np.clip(beyond / np.float32(reach / 4), 0.0, 1.0)
    # 3 s^2 - 2 s^3: no kink at the edge of the photo; in steps of 1/256
    steps = np.rint(256 * share**2 * (3 - 2 * share)).astype(np.uint16)[:, :, None]
    mixed = ((padded * (256 - steps) + blurred * steps + 128) >> 8).astype(np.uint8)
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
    return Source(mixed, shift @ source.projection)
