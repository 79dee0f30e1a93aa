"""The square crop that a pose network sees: its window in the image, its pixels, the maps between both.

Pixels are 0-based and an integer coordinate is a pixel's centre. Boxes are `[x, y, width, height]`, windows
are `[x0, y0, x1, y1)` in whole pixels. The geometry is that of the preprocessing of FacePoseNet (Chang et
al., ICCVW 2017), to the bit; the README of this package explains it.
"""

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64, UInt8
from numpy.typing import NDArray

from fpn_core.errors import BoxError

Interpolation = Literal["cubic", "area", "linear"]
Expand = float | tuple[float, float, float, float]

EXPAND = 0.25
"""Share of the square's side that FacePoseNet adds on each of the four sides."""

MAX_WINDOW_TO_IMAGE_AREA = 9
"""Most pixels of a window, in pixels of its image. A face that fills a square photo, expanded by its own size
on every side, is just allowed. A larger box is not a face; its black margin would cost unlimited memory."""

MAX_COORDINATE_PX = 2.0**20
"""Largest coordinate and size of a box. Up to here float32, in which the reference computes, still resolves
an eighth of a pixel."""

JPEG_QUALITY = 95

_CV2_INTERPOLATION: dict[Interpolation, int] = {
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
}


def valid_boxes(boxes_xywh_px: Float[np.ndarray, "n 4"]) -> Bool[np.ndarray, " n"]:
    """Finds the boxes that `crop_windows` accepts.

    They are finite, wider and higher than 0, and within +-MAX_COORDINATE_PX.

    Args:
        boxes_xywh_px: x and y of the upper left corner, width, height, in pixels.

    Returns:
        True per box that is valid.

    Example:
        >>> valid_boxes(np.array([[10, 20, 80, 90], [10, 20, 0, 90], [np.nan, 0, 1, 1]])).tolist()
        [True, False, False]
    """
    # NaN compares as false, so it fails here too.
    within = (np.abs(boxes_xywh_px) <= MAX_COORDINATE_PX).all(axis=1)
    good: NDArray[np.bool_] = within & (boxes_xywh_px[:, 2:] > 0).all(axis=1)
    return good


def crop_windows(
    boxes_xywh_px: Float[np.ndarray, "n 4"], expand: Expand = EXPAND
) -> Int64[np.ndarray, "n 4"]:
    """Computes the windows of the crops of face boxes, both in image pixels.

    A window is square and may lie partly or wholly outside the image; the part outside is black in the
    crop. It does not depend on the size of the image: the reference's padding shifts box and picture alike,
    and pads far enough that its slice is never cut short.

    Args:
        boxes_xywh_px: x and y of the upper left corner, width, height, in pixels.
        expand: share of the square's side added on every side, or one share each for left, top, right and
            bottom.

    Returns:
        Windows `[x0, y0, x1, y1)`.

    Raises:
        BoxError: a box that fails `valid_boxes`.

    Example:
        >>> crop_windows(np.array([[100.0, 100.0, 80.0, 100.0]])).tolist()
        [[65, 75, 215, 225]]
    """
    good = valid_boxes(boxes_xywh_px)
    if not good.all():
        row = int(np.argmin(good))
        raise BoxError(
            f"box {row} of {len(good)} is {boxes_xywh_px[row].tolist()}; expected finite"
            f" [x, y, width, height] in pixels, width and height above 0, all within"
            f" +-{MAX_COORDINATE_PX:.0f}. Leave out the rows where valid_boxes() is false."
        )
    # The square is made in float64 and kept in float32; all that follows happens in float32.
    boxes = boxes_xywh_px.astype(np.float64)
    corner, size = boxes[:, :2], boxes[:, 2:]
    centre = (corner + (corner + size)) / 2
    half = size.max(axis=1, keepdims=True) / 2
    top_left = (centre - half).astype(np.float32)
    bottom_right = (centre + half).astype(np.float32)

    left, top, right, bottom = (expand,) * 4 if isinstance(expand, int | float) else expand
    side = bottom_right - top_left
    expanded_top_left = top_left - side * np.array([left, top], np.float32)
    expanded_bottom_right = top_left + side * np.array([1 + right, 1 + bottom], np.float32)

    # Padding by whole pixels moves corners left of or above the image to [0, 1) before they are rounded up;
    # in float32 that move can itself round, so it is made and taken back.
    padding = np.ceil(np.maximum(-expanded_top_left, 0))
    first = np.ceil(expanded_top_left + padding).astype(np.int64)
    last = np.ceil(expanded_bottom_right + padding).astype(np.int64)
    side_px = (last - first).max(axis=1, keepdims=True)
    x0y0 = first - padding.astype(np.int64)
    return np.concatenate([x0y0, x0y0 + side_px], axis=1)


def extract_crop(
    image: UInt8[np.ndarray, "h w 3"],
    window_xyxy_px: Int[np.ndarray, " 4"],
    size_px: int,
    interpolation: Interpolation = "cubic",
) -> UInt8[np.ndarray, "s s 3"]:
    """Cuts the window out of the image, black outside it, and resizes it to `size_px` squared.

    A window inside the image is read in place; only one that extends beyond it is copied, with its black
    margin.

    Args:
        image: pixels of the photo, BGR.
        window_xyxy_px: the window, as `crop_windows` returns it.
        size_px: side of the crop.
        interpolation: OpenCV's; the original network was trained on "cubic".

    Returns:
        The crop, BGR.

    Raises:
        BoxError: a window without pixels, or with more than MAX_WINDOW_TO_IMAGE_AREA times the image's.

    Example:
        >>> photo = np.zeros((300, 400, 3), np.uint8)
        >>> extract_crop(photo, np.array([65, 75, 215, 225]), 227).shape
        (227, 227, 3)
    """
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (int(edge) for edge in window_xyxy_px)
    area, limit = (x1 - x0) * (y1 - y0), MAX_WINDOW_TO_IMAGE_AREA * width * height
    if x1 <= x0 or y1 <= y0 or area > limit:
        raise BoxError(
            f"crop window {[x0, y0, x1, y1]} of an image of {width} x {height} px; expected a window of 1 to"
            f" {limit} px ({MAX_WINDOW_TO_IMAGE_AREA} times the image). Leave this face out, or correct"
            " its box."
        )
    part = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    if part.size == 0:
        return np.zeros((size_px, size_px, 3), np.uint8)
    if part.shape[:2] != (y1 - y0, x1 - x0):
        above, before = max(-y0, 0), max(-x0, 0)
        below, after = y1 - y0 - above - part.shape[0], x1 - x0 - before - part.shape[1]
        part = cv2.copyMakeBorder(part, above, below, before, after, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    crop: NDArray[np.uint8] = cv2.resize(
        part, (size_px, size_px), interpolation=_CV2_INTERPOLATION[interpolation]
    )
    return crop


def jpeg_roundtrip(crop: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Encodes a crop as JPEG (quality 95, 4:2:0) and decodes it, as the reference does between its steps.

    Args:
        crop: pixels, BGR.

    Returns:
        The decoded pixels, of the same shape.

    Example:
        >>> jpeg_roundtrip(np.full((8, 8, 3), 128, np.uint8)).max()
        np.uint8(128)
    """
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]
    _, encoded = cv2.imencode(".jpg", crop, quality)
    decoded: NDArray[np.uint8] | None = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV cannot read the JPEG it wrote"
    return decoded


def crop_to_image(window_xyxy_px: Int[np.ndarray, "n 4"], size_px: int) -> Float64[np.ndarray, "n 3 3"]:
    """Makes the affine maps from pixels of the crops to pixels of the image.

    Args:
        window_xyxy_px: the crops' windows in the image.
        size_px: side of the crops after resizing.

    Returns:
        One 3 x 3 matrix per window, for homogeneous pixels.

    Example:
        >>> crop_to_image(np.array([[65, 75, 215, 225]]), 75)[0].tolist()
        [[2.0, 0.0, 65.5], [0.0, 2.0, 75.5], [0.0, 0.0, 1.0]]
    """
    corner = window_xyxy_px[:, :2].astype(np.float64)
    # x_img + 1/2 = x0 + s (x_crop + 1/2): pixel areas map onto each other, hence the halves for their
    # centres.
    scale = (window_xyxy_px[:, 2:] - window_xyxy_px[:, :2]) / size_px
    return _scale_and_shift(scale, corner + 0.5 * scale - 0.5)


def image_to_crop(window_xyxy_px: Int[np.ndarray, "n 4"], size_px: int) -> Float64[np.ndarray, "n 3 3"]:
    """Makes the affine maps from pixels of the image to pixels of the crops: the inverses of `crop_to_image`.

    Args:
        window_xyxy_px: the crops' windows in the image.
        size_px: side of the crops after resizing.

    Returns:
        One 3 x 3 matrix per window, for homogeneous pixels.

    Example:
        >>> image_to_crop(np.array([[65, 75, 215, 225]]), 300)[0, 0].tolist()
        [2.0, 0.0, -129.5]
    """
    scale = size_px / (window_xyxy_px[:, 2:] - window_xyxy_px[:, :2])
    return area_map(window_xyxy_px[:, :2].astype(np.float64), scale)


def area_map(
    corner_xy_px: Float64[np.ndarray, "n 2"], scale_xy: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, "n 3 3"]:
    """Makes the affine maps from pixels of pictures to pixels of resized parts of them, centre to centre.

    Args:
        corner_xy_px: upper left corner of each part; whole numbers are edges of pixels.
        scale_xy: pixels of the resized part per pixel of the picture, across and down.

    Returns:
        One 3 x 3 matrix per part, for homogeneous pixels.

    Example:
        >>> area_map(np.array([[4.0, 8.0]]), np.array([[2.0, 0.5]]))[0].tolist()
        [[2.0, 0.0, -7.5], [0.0, 0.5, -4.25], [0.0, 0.0, 1.0]]
    """
    # Areas of pixels map onto each other: x' + 1/2 = s (x + 1/2 - corner).
    return _scale_and_shift(scale_xy, (0.5 - corner_xy_px) * scale_xy - 0.5)


def _scale_and_shift(scale_xy: NDArray[np.float64], shift_xy: NDArray[np.float64]) -> NDArray[np.float64]:
    affine = np.zeros((len(scale_xy), 3, 3))
    affine[:, 0, 0], affine[:, 1, 1], affine[:, 2, 2] = scale_xy[:, 0], scale_xy[:, 1], 1
    affine[:, :2, 2] = shift_xy
    return affine
