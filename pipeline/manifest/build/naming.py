"""What a manifest calls the images that it points to."""

from pathlib import Path

from pipeline.io.storage import is_uri, parent


def image_name(root: str, relative: str, manifest_folder: str) -> str:
    """The location of `relative` in `root` as a manifest in `manifest_folder` gives it.

    Relative to the manifest where it lies below, so that both can be moved together; in full elsewhere.
    Folders are URIs or absolute local paths without links.
    """
    base, question, query = root.partition("?") if is_uri(root) else (root, "", "")
    folder = manifest_folder.partition("?")[0] if is_uri(manifest_folder) else manifest_folder
    full = f"{base.rstrip('/')}/{relative}"
    prefix = f"{folder.rstrip('/')}/"
    return full.removeprefix(prefix) if full.startswith(prefix) else f"{full}{question}{query}"


def real_folder(location: str) -> str:
    """The folder of a file or object, without links in its path; folders are compared by their paths here."""
    folder = parent(location)
    return folder if is_uri(folder) else str(Path(folder).resolve())


def file_name(location: str, manifest_folder: str) -> str:
    """The same of one file."""
    path = location.partition("?")[0] if is_uri(location) else str(Path(location).absolute())
    return image_name(real_folder(location), path.rpartition("/")[2], manifest_folder)
