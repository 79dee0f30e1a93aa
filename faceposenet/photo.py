"""Photos as they come: pixels, or the place where they are."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from faceposenet.errors import FaceRejectedError, InputError
from faceposenet.face import Face
from fpn_core import valid_boxes
from pipeline.config.settings import ImageSettings
from pipeline.errors import UnknownSchemeError
from pipeline.io.storage import read_file, without_credentials
from pipeline.reasons import Reason
from pipeline.stages.photo import FaceError, Needs, decode_photo
from pipeline.stages.photo import Photo as Decoded

Photo = UInt8[np.ndarray, "h w 3"] | Path | str
"""Pixels, or a path or URI of an image file."""
Channels = Literal["BGR", "RGB"]
Box = Sequence[float] | np.ndarray
"""x, y of the upper left corner, width, height, in pixels."""
Boxes = Sequence[Box] | np.ndarray
"""A box a row."""

_LIMITS = ImageSettings()
_COUNTS = "{} photos for {} boxes: expected one photo, or a photo for each box"


def photos_of(
    photos: Photo | Iterable[Photo], boxes_xywh_px: np.ndarray, channels: Channels, needs: Needs
) -> Iterator[Decoded | FaceError]:
    """The photo of each box, float64 (n, 4), as it is needed, or why there is none: one for all, or each from
    `photos`.

    A photo that follows itself is read once, as in a job: a JPEG reduced as far as all its boxes allow.

    Raises:
        InputError: what is no photo, or another number of them than of boxes.
    """
    count = len(boxes_xywh_px)
    if isinstance(photos, str | Path) or (isinstance(photos, np.ndarray) and photos.ndim <= 3):
        photos = repeat(photos, count)
    if not isinstance(photos, Iterable):
        raise InputError(f"photos is a {type(photos).__name__}: expected a photo, or a photo for each box")
    at = 0
    for photo, length in _runs(photos):
        if at + length > count:
            raise InputError(_COUNTS.format(f"more than {count}", count))
        boxes = boxes_xywh_px[at : at + length]
        at += length
        try:
            decoded: Decoded | FaceError = decode(photo, boxes[valid_boxes(boxes)], channels, needs)
        except FaceError as fault:
            decoded = fault
        yield from repeat(decoded, length)
    if at != count:
        raise InputError(_COUNTS.format(at, count))


def face_photo(face: Face, photo: Photo, channels: Channels, needs: Needs) -> Decoded:
    """The photo that a face was posed in, reduced as far as the face allows.

    Raises:
        InputError: what is no photo, or one of another size than the face's.
        FaceRejectedError: a file that is missing, too large or no image.
    """
    try:
        decoded = decode(photo, face.box_xywh_px[None], channels, needs)
    except FaceError as fault:
        raise FaceRejectedError(str(fault.reason), str(fault)) from fault
    if decoded.wh_px != face.image_wh_px:
        found, wanted = (f"{width} x {height} px" for width, height in (decoded.wh_px, face.image_wh_px))
        raise InputError(
            f"the photo has {found}, the face's has {wanted}: expected the photo that the face was posed in"
        )
    return decoded


def whole_photo(photo: Photo, channels: Channels) -> UInt8[np.ndarray, "h w 3"]:
    """The upright photo at its full size, BGR.

    Raises:
        InputError: something else than a path or uint8 pixels.
        FaceRejectedError: a file that is missing, too large or no image.
    """
    try:
        return decode(photo, np.zeros((0, 4)), channels, None).pixels
    except FaceError as fault:
        raise FaceRejectedError(str(fault.reason), str(fault)) from fault


def decode(photo: Photo, boxes_xywh_px: np.ndarray, channels: Channels, needs: Needs | None) -> Decoded:
    """The upright photo, BGR.

    A file is read as a job reads it: an EXIF orientation is applied, and `channels` is about arrays only.

    Raises:
        InputError: something else than a path or uint8 pixels.
        FaceError: a file that is missing, too large or no image.
    """
    if channels not in ("BGR", "RGB"):
        raise InputError(f"channels is {channels!r}: expected 'BGR' (OpenCV) or 'RGB' (Pillow, Matplotlib)")
    if isinstance(photo, str | Path):
        return decode_photo(_read(str(photo)), _LIMITS.max_pixels, boxes_xywh_px, needs)
    if not isinstance(photo, np.ndarray):
        raise InputError(
            f"a photo is a {type(photo).__name__}: expected a path or a NumPy array; of a Pillow image, give "
            "np.asarray(image.convert('RGB')) and channels='RGB'"
        )
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or photo.size == 0:
        raise InputError(
            f"a photo is an array of {photo.dtype} {photo.shape}: expected uint8 (height, width, 3), each "
            f"pixel {channels}; cv2.cvtColor makes it of gray and alpha"
        )
    pixels = photo if channels == "BGR" else np.ascontiguousarray(photo[:, :, ::-1])
    return Decoded(pixels, (photo.shape[1], photo.shape[0]))


def _runs(photos: Iterable[Photo]) -> Iterator[tuple[Photo, int]]:
    """Photos that follow themselves, and how often."""
    run: list[Photo] = []
    for photo in photos:
        if run and not _same(photo, run[0]):
            yield run[0], len(run)
            run = []
        run.append(photo)
    if run:
        yield run[0], len(run)


def _same(photo: Photo, other: Photo) -> bool:
    if isinstance(photo, np.ndarray) or isinstance(other, np.ndarray):
        return photo is other
    return photo == other


def _read(location: str) -> bytes:
    shown = without_credentials(location)
    try:
        return read_file(location, _LIMITS.max_bytes)
    except UnknownSchemeError as error:
        raise FaceError(Reason.IMAGE_NOT_ALLOWED, str(error)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FaceError(Reason.IMAGE_MISSING, f"there is no image {shown!r}") from error
    except (OSError, ValueError) as error:
        raise FaceError(Reason.IMAGE_UNREADABLE, f"cannot read {shown!r}: {error}") from error
