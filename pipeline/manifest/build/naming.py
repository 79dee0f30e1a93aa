"""What a manifest calls the images that it points to."""

from pathlib import Path

from faceposenet.photo.locations import is_uri
from pipeline.io.storage import base_name, parent, split_query


def image_name(root: str, relative: str, manifest_folder: str) -> str:
    """The location of `relative` in `root` as a manifest in `manifest_folder` gives it.

    Relative to the manifest where it lies below, so that both can be moved together; in full elsewhere.
    Folders are URIs or absolute local paths without links.
    """
    base, query = split_query(root)
    folder, _ = split_query(manifest_folder)
    full = f"{base.rstrip('/')}/{relative}"
    prefix = f"{folder.rstrip('/')}/"
    return full.removeprefix(prefix) if full.startswith(prefix) else f"{full}{query}"


def real_folder(location: str) -> str:
    """The folder of a file or object, without links in its path; folders are compared by their paths here."""
    folder = parent(location)
    return folder if is_uri(folder) else str(Path(folder).resolve())


def file_name(location: str, manifest_folder: str) -> str:
    """The same of one file."""
    return image_name(real_folder(location), base_name(location), manifest_folder)
