"""A photo from its encoded bytes: upright, and no larger than its faces need.

All results stay in pixels of the photo's full size, whatever it was reduced to.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.avif import AvifError, AvifHeader, is_avif, is_heic, read_avif_header, turned
from faceposenet.photo.declared import check_declared_size
from faceposenet.photo.jpeg_header import JpegHeader, read_jpeg_header
from faceposenet.photo.reduction import Needs
from faceposenet.photo.sizes import PhotoLimits
from faceposenet.reasons import Reason
from fpn_core.crop import area_map

_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}


@dataclass(frozen=True)
class DecodedPhoto:
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

    @classmethod
    def whole(cls, pixels: np.ndarray) -> Self:
        """The photo of these pixels, uint8 (h, w, 3), at its full size."""
        return cls(pixels, (pixels.shape[1], pixels.shape[0]))

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
        corner = -np.array([self.offset_xy_px], dtype=np.float64)
        return np.asarray(area_map(corner, np.full((1, 2), 1 / self.reduction))[0])


def decode_photo(
    data: bytes, limits: PhotoLimits, boxes_xywh_px: np.ndarray, needs: Needs | None
) -> DecodedPhoto:
    """The photo in an encoded image, reduced as far as all its faces allow; `needs` None: never reduced.

    boxes_xywh_px: float64 (n, 4), the valid boxes of its faces in pixels of the full-size upright photo.

    Raises:
        FaceRejectedError: no image, or a larger one than allowed.
    """
    check_declared_size(data, limits)
    header = None if needs is None else read_jpeg_header(data)
    if needs is not None and header is not None:
        reduction = needs.reduction(header.upright_wh_px, boxes_xywh_px)
        reduced = _reduced(data, header, reduction) if reduction > 1 else None
        if reduced is not None:
            return reduced
    return DecodedPhoto.whole(_whole(data, limits))


def decode_image(data: bytes, limits: PhotoLimits) -> np.ndarray:
    """The upright picture in an encoded image at its full size, uint8 (h, w, 3), BGR.

    Raises:
        FaceRejectedError: no image, or a larger one than allowed.
    """
    check_declared_size(data, limits)
    return _whole(data, limits)


def _whole(data: bytes, limits: PhotoLimits) -> np.ndarray:
    """The upright picture, of a declared size that is allowed."""
    avif = _avif_header(data)
    # The decoder knows nothing of how AVIF says that it is to be turned.
    flags = cv2.IMREAD_COLOR if avif is None else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        # OpenCV checks the size in the header against its own limits before it allocates.
        if "PIXELS" in str(error) or "IMAGE_WIDTH" in str(error) or "IMAGE_HEIGHT" in str(error):
            detail = "more pixels than OpenCV is allowed to read"
            raise FaceRejectedError(Reason.IMAGE_TOO_LARGE, detail) from error
        raise FaceRejectedError(Reason.IMAGE_UNREADABLE, f"OpenCV cannot decode it: {error.err}") from error
    if image is None:
        raise FaceRejectedError(Reason.IMAGE_UNREADABLE, _why_not_decoded(data))
    height, width = image.shape[:2]
    if height * width > limits.max_pixels:
        detail = f"{width} x {height} px is more than images.max_pixels = {limits.max_pixels}"
        raise FaceRejectedError(Reason.IMAGE_TOO_LARGE, detail)
    return np.asarray(image if avif is None else turned(image, avif), dtype=np.uint8)


def _avif_header(data: bytes) -> AvifHeader | None:
    if not is_avif(data):
        return None
    try:
        return read_avif_header(data)
    except AvifError as error:
        detail = f"AVIF whose orientation cannot be told: {error}"
        raise FaceRejectedError(Reason.IMAGE_UNREADABLE, detail) from error


def _why_not_decoded(data: bytes) -> str:
    for name, is_that in (("HEIC", is_heic(data)), ("JPEG XL", data.startswith(_JPEG_XL))):
        if is_that:
            return f"{name}, which OpenCV does not read; convert it, for instance to JPEG"
    return f"no image, or a truncated one: {len(data)} bytes that begin with {data[:8].hex(' ')}"


def _reduced(data: bytes, header: JpegHeader, reduction: int) -> DecodedPhoto | None:
    """The photo at a fraction of its size; None where the decoder gives nothing of the size expected."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[reduction])
    except cv2.error:
        return None  # what is wrong shows at the full size
    width, height = header.upright_wh_px
    if pixels is None or pixels.shape[:2] != (-(-height // reduction), -(-width // reduction)):
        return None
    return DecodedPhoto(
        np.asarray(pixels, dtype=np.uint8), (width, height), reduction, _offset(header, reduction)
    )


def _offset(header: JpegHeader, reduction: int) -> tuple[int, int]:
    """How many pixels the reduced grid begins before the upright photo, in x and y (see DecodedPhoto)."""
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
