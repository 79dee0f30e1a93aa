"""Photos as they come: pixels, or the place where they are."""

from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from faceposenet.errors import FaceRejectedError, InputError
from faceposenet.face import Face
from pipeline.config import ImageSettings
from pipeline.errors import UnknownSchemeError
from pipeline.photo import FaceError, decode_image
from pipeline.reasons import Reason
from pipeline.storage import read_file, without_credentials

Photo = UInt8[np.ndarray, "h w 3"] | Path | str
"""Pixels, or a path or URI of an image file."""
Channels = Literal["BGR", "RGB"]

_LIMITS = ImageSettings()


def read_photo(photo: Photo, channels: Channels) -> UInt8[np.ndarray, "h w 3"]:
    """The upright photo, BGR.

    A file is read as a job reads it: an EXIF orientation is applied, and `channels` is about arrays only.

    Raises:
        InputError: something else than a path or uint8 pixels.
        FaceError: a file that is missing, too large or no image.
    """
    if channels not in ("BGR", "RGB"):
        raise InputError(f"channels is {channels!r}: expected 'BGR' (OpenCV) or 'RGB' (Pillow, Matplotlib)")
    if isinstance(photo, str | Path):
        return decode_image(_read(str(photo)), _LIMITS.max_pixels)
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
    return photo if channels == "BGR" else np.ascontiguousarray(photo[:, :, ::-1])


def photos_of(
    photos: Photo | Iterable[Photo], count: int, channels: Channels
) -> Iterator[np.ndarray | FaceError]:
    """`count` photos as they are needed, or why there is none: one for all, or each from `photos`.

    A file that follows itself is read once.

    Raises:
        InputError: what is no photo, or another number of them than `count`.
    """
    if isinstance(photos, str | Path) or (isinstance(photos, np.ndarray) and photos.ndim <= 3):
        photos = repeat(photos, count)
    if not isinstance(photos, Iterable):
        raise InputError(f"photos is a {type(photos).__name__}: expected a photo, or a photo for each box")
    given = 0
    last: Photo | None = None
    image: np.ndarray | FaceError | None = None
    for given, photo in enumerate(photos, start=1):
        if given > count:
            break
        if image is None or not _same(photo, last):
            last, image = photo, _photo_or_fault(photo, channels)
        yield image
    if given != count:
        found = f"more than {count}" if given > count else str(given)
        raise InputError(f"{found} photos for {count} boxes: expected one photo, or a photo for each box")


def face_photo(face: Face, photo: Photo, channels: Channels) -> UInt8[np.ndarray, "h w 3"]:
    """The photo that a face was posed in.

    Raises:
        InputError: what is no photo, or one of another size than the face's.
        FaceRejectedError: a file that is missing, too large or no image.
    """
    image = readable_photo(photo, channels)
    width, height = face.image_wh_px
    if image.shape[:2] != (height, width):
        raise InputError(
            f"the photo has {image.shape[1]} x {image.shape[0]} px, the face's has {width} x {height} px: "
            "expected the photo that the face was posed in"
        )
    return image


def readable_photo(photo: Photo, channels: Channels) -> UInt8[np.ndarray, "h w 3"]:
    """The upright photo, BGR.

    Raises:
        InputError: something else than a path or uint8 pixels.
        FaceRejectedError: a file that is missing, too large or no image.
    """
    try:
        return read_photo(photo, channels)
    except FaceError as fault:
        raise FaceRejectedError(str(fault.reason), str(fault)) from fault


def _same(photo: Photo, last: Photo | None) -> bool:
    if isinstance(photo, np.ndarray) or isinstance(last, np.ndarray):
        return photo is last
    return photo == last


def _photo_or_fault(photo: Photo, channels: Channels) -> np.ndarray | FaceError:
    try:
        return read_photo(photo, channels)
    except FaceError as fault:
        return fault


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
