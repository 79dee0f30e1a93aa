"""Photos as callers give them: pixels, or the location of a file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from faceposenet.errors import FaceRejectedError, InputError
from faceposenet.face import Face
from faceposenet.photo.decode import DecodedPhoto, decode_photo
from faceposenet.photo.read import read_encoded
from faceposenet.photo.reduction import Needs
from faceposenet.photo.sizes import DEFAULT_LIMITS
from fpn_core import valid_boxes

Photo = UInt8[np.ndarray, "h w 3"] | Path | str
"""Pixels, or a path or URI of an image file."""
Channels = Literal["BGR", "RGB"]
Box = Sequence[float] | np.ndarray
"""x, y of the upper left corner, width, height, in pixels."""
Boxes = Sequence[Box] | np.ndarray
"""A box a row."""

_COUNTS = "{} photos for {} boxes: expected one photo, or a photo for each box"


def photos_of(
    photos: Photo | Iterable[Photo], boxes_xywh_px: np.ndarray, channels: Channels, needs: Needs
) -> Iterator[DecodedPhoto | FaceRejectedError]:
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
            decoded: DecodedPhoto | FaceRejectedError = decode(
                photo, boxes[valid_boxes(boxes)], channels, needs
            )
        except FaceRejectedError as fault:
            decoded = fault
        yield from repeat(decoded, length)
    if at != count:
        raise InputError(_COUNTS.format(at, count))


def face_photo(face: Face, photo: Photo, channels: Channels, needs: Needs) -> DecodedPhoto:
    """The photo that a face was posed in, reduced as far as the face allows.

    Raises:
        InputError: what is no photo, or one of another size than the face's.
        FaceRejectedError: a file that is missing, too large or no image.
    """
    decoded = decode(photo, face.box_xywh_px[None], channels, needs)
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
    return decode(photo, np.zeros((0, 4)), channels, None).pixels


def decode(photo: Photo, boxes_xywh_px: np.ndarray, channels: Channels, needs: Needs | None) -> DecodedPhoto:
    """The upright photo, BGR.

    A file is read as a job reads it: an EXIF orientation is applied, and `channels` is about arrays only.

    Raises:
        InputError: something else than a path or uint8 pixels.
        FaceRejectedError: a file that is missing, too large or no image.
    """
    if channels not in ("BGR", "RGB"):
        raise InputError(f"channels is {channels!r}: expected 'BGR' (OpenCV) or 'RGB' (Pillow, Matplotlib)")
    if isinstance(photo, str | Path):
        data = read_encoded(str(photo), DEFAULT_LIMITS)
        return decode_photo(data, DEFAULT_LIMITS, boxes_xywh_px, needs)
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
    return DecodedPhoto.whole(pixels)


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
