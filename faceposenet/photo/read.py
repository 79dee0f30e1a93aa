"""The bytes of a photo: from a file, a `file://` URI or an object store, within limits.

What goes wrong with a single photo is a `FaceRejectedError` with a stable reason, whoever reads. A job passes
a reader of its own, which knows its image root and tries again where a store fails.
"""

from collections.abc import Callable
from pathlib import Path

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.byte_ranges import split_spans
from faceposenet.photo.local_file import read_local
from faceposenet.photo.locations import is_uri, plain_path
from faceposenet.photo.read_uri import read_uri
from faceposenet.photo.sizes import PhotoLimits
from faceposenet.reasons import Reason
from faceposenet.redaction import without_secrets

Reader = Callable[[str, int], bytes]
"""Gives the bytes at a location; of more than the given number, that number and one more suffice."""

_LONGEST_NAME = 4096


def check_name(name: str) -> None:
    """Checks that a name can be that of an image.

    Raises:
        FaceRejectedError: it is empty, longer than any storage allows, or holds a NUL.
    """
    if not name or len(name) > _LONGEST_NAME or "\0" in name:
        raise FaceRejectedError(
            Reason.IMAGE_MISSING,
            f"no usable name of an image: {len(name)} characters, expected 1 to {_LONGEST_NAME} without NUL",
        )


def read_location(location: str, max_bytes: int) -> bytes:
    """Reads a local file or a URI: the `Reader` of the library.

    A location may name a part of a file (see `byte_ranges`). URIs are read by pyarrow, or by the fsspec
    package of their scheme; neither is imported before the first URI.

    Raises:
        FaceRejectedError: a scheme that nothing here can open.
        FileNotFoundError: there is no such file.
        OSError: it is not a regular file, or it cannot be read.
    """
    location, spans = split_spans(plain_path(location))
    if not is_uri(location):
        return read_local(Path(location), max_bytes + 1, spans)
    return read_uri(location, max_bytes + 1, spans)


def read_encoded(name: str, limits: PhotoLimits, read: Reader = read_location, folder: str = "") -> bytes:
    """Reads an encoded photo.

    Args:
        name: its location, as the caller or the manifest gives it.
        limits: what is still accepted.
        read: called with the name and the largest number of bytes.
        folder: where the reader looks for it, for the message.

    Raises:
        FaceRejectedError: the photo is missing, cannot be read, is empty or too large. What else `read`
            raises, such as the error of a store that cannot be reached, is passed on.
    """
    check_name(name)
    shown = without_secrets(name)
    try:
        data = read(name, limits.max_bytes)
    except (FileNotFoundError, NotADirectoryError) as error:
        place = f" in {without_secrets(folder)!r}" if folder else ""
        raise FaceRejectedError(Reason.IMAGE_MISSING, f"there is no image {shown!r}{place}") from error
    except (OSError, ValueError) as error:
        raise FaceRejectedError(Reason.IMAGE_UNREADABLE, f"cannot read {shown!r}: {error}") from error
    return checked_bytes(data, limits)


def checked_bytes(data: bytes, limits: PhotoLimits) -> bytes:
    """Returns the bytes of an encoded photo, if they are not too many.

    Raises:
        FaceRejectedError: there are none, or more than allowed.
    """
    if len(data) > limits.max_bytes:
        raise FaceRejectedError(
            Reason.IMAGE_TOO_LARGE, f"the file has more than images.max_bytes = {limits.max_bytes} bytes"
        )
    if not data:
        raise FaceRejectedError(Reason.IMAGE_UNREADABLE, "the image file is empty (0 bytes)")
    return data
