"""What the renderer needs of a photo: a window around the face, no larger than it uses."""

from dataclasses import dataclass

import cv2
import numpy as np

from faceposenet.photo.sizes import SourceSize
from fpn_core.crop import area_map


@dataclass(frozen=True)
class SourceWindow:
    """The part of a photo that the renderer sees, perhaps shrunk."""

    pixels: np.ndarray
    """uint8 (h, w, 3), BGR."""
    image_to_source: np.ndarray
    """float64 (3, 3): full-image pixels to pixels of this window, centre to centre."""


def source_bounds(
    wh_px: tuple[int, int], box_xywh_px: np.ndarray, window: float
) -> tuple[int, int, int, int]:
    """`[x0, y0, x1, y1)` in pixels of what the renderer needs of a photo for a face: `window` sides of the
    square face box around its centre, as far as they lie in the photo."""
    x, y, box_width, box_height = box_xywh_px
    half = window * max(box_width, box_height) / 2

    def ends(centre: float, size_px: int) -> tuple[int, int]:
        first, last = np.clip(np.floor([centre - half, centre + half + 1]), 0, size_px)
        return int(first), int(last)

    (x0, x1), (y0, y1) = ends(x + box_width / 2, wh_px[0]), ends(y + box_height / 2, wh_px[1])
    return x0, y0, x1, y1


def source_window(image: np.ndarray, box_xywh_px: np.ndarray, size: SourceSize) -> SourceWindow:
    """Cuts what the renderer needs of a face out of a photo.

    What would be longer than `size.longest_px` is shrunk by averaging areas, which is the anti-aliasing of
    large faces; the part outside the photo is left away.

    Args:
        image: uint8 (h, w, 3), BGR.
        box_xywh_px: float64 (4,), in its pixels.
        size: how much of it.
    """
    x0, y0, x1, y1 = source_bounds((image.shape[1], image.shape[0]), box_xywh_px, size.window)
    part = image[y0:y1, x0:x1]
    wh = shrunk_wh_px(x1 - x0, y1 - y0, size)
    scale = np.array([[wh[0] / (x1 - x0), wh[1] / (y1 - y0)]])
    image_to_source = area_map(np.array([[x0, y0]], dtype=np.float64), scale)[0]
    # A copy, since a view would keep the whole photo in memory.
    shrinks = wh != (x1 - x0, y1 - y0)
    pixels = cv2.resize(part, wh, interpolation=cv2.INTER_AREA) if shrinks else part.copy()
    return SourceWindow(np.asarray(pixels, dtype=np.uint8), image_to_source)


def shrunk_wh_px(width: int, height: int, size: SourceSize) -> tuple[int, int]:
    """Width and height of a window once it is no longer than `size.longest_px`."""
    shrink = min(1.0, size.longest_px / max(width, height))
    return max(1, round(width * shrink)), max(1, round(height * shrink))
