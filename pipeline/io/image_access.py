"""Where the image of a row lies, and whether a manifest may name that place.

A manifest can be hostile: it must not make a job read what its author could not, or call internal addresses.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.byte_ranges import split_spans
from faceposenet.photo.locations import is_uri, plain_path
from faceposenet.photo.read import check_name, read_encoded
from faceposenet.photo.sizes import PhotoLimits
from faceposenet.reasons import Reason
from pipeline.config.settings import JobConfig
from pipeline.errors import UnknownSchemeError
from pipeline.io.storage import join, parent, read_file, split_options


def read_image(location: str, max_bytes: int) -> bytes:
    """`read_file` as a `Reader` of photos: a scheme that nothing reads is the fault of the image alone."""
    try:
        return read_file(location, max_bytes)
    except UnknownSchemeError as error:
        raise FaceRejectedError(Reason.IMAGE_NOT_ALLOWED, str(error)) from error


@dataclass(frozen=True)
class ImagePlaces:
    """The places that images are read from."""

    image_root: str
    roots: tuple[str, ...] | None
    """None: the whole local disk, and the bucket or host of the image root."""

    def locate(self, image: str) -> str:
        """The location of the image that a row names.

        Raises:
            FaceRejectedError: the row names no image, or one where this job does not read.
        """
        check_name(image)
        location = plain_path(join(self.image_root, image))
        if is_uri(location) and ".." in re.split(r"[/?#]", unquote(location)):
            raise _forbidden(f"a URI with '..' in it: {location!r}")
        if self.roots is None:
            if is_uri(location) and _bucket(location) != _bucket(self.image_root):
                raise _forbidden(
                    f"{location!r} is neither a local file nor where the image root is "
                    f"({_bucket(self.image_root) or 'the local disk'}); name its folder in images.roots"
                )
        elif not any(_lies_in(split_spans(location)[0], root) for root in self.roots):
            raise _forbidden(f"{location!r} lies in none of images.roots; name its folder to allow it")
        return location

    def read(self, image: str, limits: PhotoLimits) -> bytes:
        """Reads the encoded image that a row names.

        Raises:
            FaceRejectedError: there is none, or it may not be read, is empty or too large.
            StorageError: the store itself cannot be read, which is not the fault of a face.
        """
        return read_encoded(
            image, limits, lambda name, most: read_image(self.locate(name), most), self.image_root
        )


def _forbidden(detail: str) -> FaceRejectedError:
    return FaceRejectedError(Reason.IMAGE_NOT_ALLOWED, detail)


def _lies_in(location: str, root: str) -> bool:
    if is_uri(location) != is_uri(root):
        return False
    if is_uri(location):
        return location.startswith(split_options(root)[0].rstrip("/") + "/")
    # Links are followed before the comparison: a link out of the root is out of the root.
    return Path(location).resolve().is_relative_to(Path(root).resolve())


def _bucket(location: str) -> str:
    """Scheme and bucket or host of a URI; nothing for a local path."""
    return "/".join(location.split("?", maxsplit=1)[0].split("/")[:3]) if is_uri(location) else ""


def image_places(manifest_location: str, config: JobConfig, started_in: str = "") -> ImagePlaces:
    """The places of a job: its image root is the manifest's own folder where none is named.

    Args:
        manifest_location: Location of the manifest.
        config: The job's settings.
        started_in: Folder that relative local paths in the settings begin in; by default the present one.
    """

    def placed(location: str) -> str:
        path = plain_path(location)
        return path if is_uri(path) else str(Path(started_in, path))

    roots = config.images.roots
    root = config.manifest.image_root
    return ImagePlaces(
        parent(manifest_location) if root is None else placed(root),
        None if roots is None else tuple(map(placed, roots)),
    )
