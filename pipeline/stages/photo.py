"""A photo from its encoded bytes: upright, and no larger than its faces need.

A JPEG can be decoded at a half, a quarter or an eighth of its size, for less than the whole costs. Where
every face of a photo is still at least as large as what the network and the renderer shrink it to, nothing is
lost: both shrink by averaging areas, and the decoder does part of that for them. All results stay in pixels
of the photo's full size.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from fpn_core import NetworkSpec, crop_windows
from fpn_core.crop import MAX_WINDOW_TO_IMAGE_AREA
from pipeline.config.settings import RenderSettings
from pipeline.reasons import Reason
from pipeline.stages.jpeg_header import JpegHeader, read_jpeg_header

_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}


class FaceError(Exception):
    """Why one face or image falls out: `reason` is its stable code. The stages turn it into a Reject."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Photo:
    """An upright photo, perhaps reduced.

    Column k of the full-size photo lies in column (k + offset) // reduction of `pixels`, rows likewise.
    """

    pixels: np.ndarray
    """uint8 (h, w, 3), BGR."""
    wh_px: tuple[int, int]
    """Its full size."""
    reduction: int = 1
    offset_xy_px: tuple[int, int] = (0, 0)
    """Full-size pixels by which the grid of `pixels` begins before the photo: a reduced JPEG is rounded up at
    its stored right and lower edge, which an orientation can bring to the left or the top."""

    def box_to_pixels(self, box_xywh_px: np.ndarray) -> np.ndarray:
        """A box in pixels of the full size, float64 (4,), in those of `pixels`."""
        # Edges of pixels map onto each other: e_pixels = (e_full + offset) / reduction.
        offset = np.array([*self.offset_xy_px, 0, 0])
        return np.asarray((box_xywh_px + offset) / self.reduction, dtype=np.float64)

    def window_to_full(self, window_xyxy_px: np.ndarray) -> np.ndarray:
        """A window in `pixels`, int64 (4,), in pixels of the full size."""
        return np.asarray(window_xyxy_px * self.reduction - np.tile(self.offset_xy_px, 2), dtype=np.int64)

    @property
    def full_to_pixels(self) -> np.ndarray:
        """float64 (3, 3): points of the full-size photo to points of `pixels`, centre to centre."""
        # x_pixels + 1/2 = (x_full + 1/2 + offset) / reduction
        scale = 1 / self.reduction
        shift_x, shift_y = ((0.5 + offset) * scale - 0.5 for offset in self.offset_xy_px)
        return np.array([[scale, 0, shift_x], [0, scale, shift_y], [0, 0, 1]])


@dataclass(frozen=True)
class Needs:
    """How large faces have to be in a photo for the network and the renderer to lose nothing."""

    spec: NetworkSpec
    render: RenderSettings

    def reduction(self, wh_px: tuple[int, int], boxes_xywh_px: np.ndarray) -> int:
        """The largest of 8, 4, 2 and 1 by which a photo with these boxes, float64 (n, 4) and valid, may be
        reduced.

        1 also where the network's crop is not made by averaging areas: it would see other pixels.
        """
        width, height = wh_px
        if self.render.enabled and max(wh_px) < 2 * self.render.source_limit_px:
            return 1  # most photos, and at no cost
        x, y, box_width, box_height = boxes_xywh_px.T
        inside = (x + box_width > 0) & (y + box_height > 0) & (x < width) & (y < height)
        if self.spec.crop_interpolation != "area" or not inside.any():
            return 1
        windows = crop_windows(boxes_xywh_px[inside], self.spec.crop_expand)
        sides_px = windows[:, 2] - windows[:, 0]
        if (sides_px**2 > MAX_WINDOW_TO_IMAGE_AREA * width * height).any():
            return 1  # no crop is made of these, which is told in pixels of the full size
        most = float(sides_px.min()) / self.spec.size_px
        if self.render.enabled:
            bounds = [source_bounds(wh_px, box, self.render.source_window) for box in boxes_xywh_px[inside]]
            longest_px = min(max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in bounds)
            most = min(most, longest_px / self.render.source_limit_px)
        return next((reduction for reduction in _REDUCED if reduction <= most), 1)


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


def decode_photo(data: bytes, max_pixels: int, boxes_xywh_px: np.ndarray, needs: Needs | None) -> Photo:
    """The photo in an encoded image, reduced as far as all its faces allow; `needs` None: never reduced.

    boxes_xywh_px: float64 (n, 4), the valid boxes of its faces in pixels of the full-size upright photo.

    Raises:
        FaceError: no image, or one with more pixels than allowed.
    """
    header = None if needs is None else read_jpeg_header(data)
    if needs is not None and header is not None:
        width, height = header.upright_wh_px
        reduction = needs.reduction((width, height), boxes_xywh_px) if width * height <= max_pixels else 1
        reduced = _reduced(data, header, reduction) if reduction > 1 else None
        if reduced is not None:
            return reduced
    pixels = decode_image(data, max_pixels)
    return Photo(pixels, (pixels.shape[1], pixels.shape[0]))


def decode_image(data: bytes, max_pixels: int) -> np.ndarray:
    """The upright picture in an encoded image at its full size, uint8 (h, w, 3), BGR.

    Raises:
        FaceError: no image, or one with more pixels than allowed.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        # OpenCV checks the size in the header against its limit before it allocates.
        if "PIXELS" in str(error) or "IMAGE_WIDTH" in str(error) or "IMAGE_HEIGHT" in str(error):
            raise FaceError(Reason.IMAGE_TOO_LARGE, "more pixels than OpenCV is allowed to read") from error
        raise FaceError(Reason.IMAGE_UNREADABLE, f"OpenCV cannot decode it: {error.err}") from error
    if image is None:
        begin = data[:8].hex(" ")
        raise FaceError(
            Reason.IMAGE_UNREADABLE,
            f"no image, or a truncated one: {len(data)} bytes that begin with {begin}",
        )
    height, width = image.shape[:2]
    if height * width > max_pixels:
        detail = f"{width} x {height} px is more than images.max_pixels = {max_pixels}"
        raise FaceError(Reason.IMAGE_TOO_LARGE, detail)
    return np.asarray(image, dtype=np.uint8)


def _reduced(data: bytes, header: JpegHeader, reduction: int) -> Photo | None:
    """The photo at a fraction of its size; None where the decoder gives nothing of the size expected."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[reduction])
    except cv2.error:
        return None  # what is wrong shows at the full size
    width, height = header.upright_wh_px
    if pixels is None or pixels.shape[:2] != (-(-height // reduction), -(-width // reduction)):
        return None
    return Photo(np.asarray(pixels, dtype=np.uint8), (width, height), reduction, _offset(header, reduction))


def _offset(header: JpegHeader, reduction: int) -> tuple[int, int]:
    """How many pixels the reduced grid begins before the upright photo, in x and y (see Photo)."""
    beyond_width, beyond_height = (-side % reduction for side in header.stored_wh_px)
    # Orientations that bring the stored right edge to the left (2, 3) or the top (7, 8), and the stored lower
    # edge to the top (3, 4) or the left (6, 7).
    return {
        2: (beyond_width, 0),
        3: (beyond_width, beyond_height),
        4: (0, beyond_height),
        6: (beyond_height, 0),
        7: (beyond_height, beyond_width),
        8: (0, beyond_width),
    }.get(header.orientation, (0, 0))
