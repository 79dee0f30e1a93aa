"""One face out of a decoded photo: what the network sees of it, and what the renderer sees."""

from dataclasses import dataclass

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.decode import DecodedPhoto
from faceposenet.photo.sizes import SourceSize
from faceposenet.photo.source_window import SourceWindow, shrunk_wh_px, source_bounds, source_window
from faceposenet.reasons import Reason
from fpn_core import BoxError, NetworkSpec, crop_windows, extract_crop, valid_boxes


def check_box(box_xywh_px: np.ndarray, written: str = "") -> None:
    """Checks that a box, float64 (4,), is four finite numbers with width and height above 0.

    `written` is what the source has in its place, for the message.

    Raises:
        FaceRejectedError: it is not.
    """
    if not valid_boxes(box_xywh_px[None])[0]:
        raise FaceRejectedError(Reason.BOX_INVALID, box_fault(written or str(box_xywh_px.tolist())))


def box_fault(written: str) -> str:
    """What is wrong with a box that `valid_boxes` refuses, in words."""
    return f"box {written}: expected finite x, y and width, height above 0, in pixels"


@dataclass(frozen=True)
class CutFace:
    """What the network sees of one face."""

    window_xyxy_px: np.ndarray
    """int64 (4,): in pixels of the photo."""
    crop: np.ndarray
    """uint8 (s, s, 3), BGR."""


def cut_from_photo(photo: DecodedPhoto, box_xywh_px: np.ndarray, spec: NetworkSpec) -> CutFace:
    """The network's crop of one face of a photo; box, float64 (4,), and window in pixels of its full size.

    Raises:
        FaceRejectedError: the box is invalid, no pixel of it lies in the photo, or no crop can be made of it.
    """
    check_box(box_xywh_px)
    _check_inside(box_xywh_px, photo.wh_px)
    box_in_pixels = photo.box_to_pixels(box_xywh_px)
    _check_inside(box_in_pixels, (photo.pixels.shape[1], photo.pixels.shape[0]))
    window = crop_windows(box_in_pixels[None], spec.crop_expand)[0]
    try:
        crop = extract_crop(photo.pixels, window, spec.size_px, spec.crop_interpolation)
    except BoxError as error:
        raise FaceRejectedError(Reason.BOX_INVALID, str(error)) from error
    return CutFace(photo.window_to_full(window), crop)


def source_from_photo(photo: DecodedPhoto, box_xywh_px: np.ndarray, size: SourceSize) -> SourceWindow:
    """What the renderer sees of one face of a photo; the box is in pixels of its full size."""
    source = source_window(photo.pixels, photo.box_to_pixels(box_xywh_px), size)
    return SourceWindow(source.pixels, source.image_to_source @ photo.full_to_pixels)


def source_wh_px(photo: DecodedPhoto, box_xywh_px: np.ndarray, size: SourceSize) -> tuple[int, int]:
    """Width and height of what `source_from_photo` would give; 0, 0 where the box lies beyond the photo."""
    wh_px = (photo.pixels.shape[1], photo.pixels.shape[0])
    x0, y0, x1, y1 = source_bounds(wh_px, photo.box_to_pixels(box_xywh_px), size.window)
    return shrunk_wh_px(x1 - x0, y1 - y0, size) if x1 > x0 and y1 > y0 else (0, 0)


def _check_inside(box_xywh_px: np.ndarray, wh_px: tuple[int, int]) -> None:
    width, height = wh_px
    x, y, box_width, box_height = box_xywh_px
    if x + box_width <= 0 or y + box_height <= 0 or x >= width or y >= height:
        detail = f"box {box_xywh_px.tolist()} has no pixel of the {width} x {height} px image"
        raise FaceRejectedError(Reason.BOX_OUTSIDE_IMAGE, detail)
