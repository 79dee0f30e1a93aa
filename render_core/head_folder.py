"""Heads by name: from a folder of head files of any kind, or those of the package."""

from pathlib import Path

import numpy as np

from render_core.errors import HeadError
from render_core.head import Head
from render_core.head_file import read_head_file
from render_core.heads import load_head, read_head
from render_core.heads.files import MESH_FORMAT


def find_head(name: str, folder: Path | None = None) -> Head:
    """The head `name` of a folder of head files (imported or built ones), or of the package.

    Raises HeadError where there is none of this name, naming those that there are, or for a damaged file.
    """
    if folder is None:
        return load_head(name)
    path = folder / f"{name}.npz"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in folder.glob("*.npz"))) or "no head at all"
        raise HeadError(f"no head {name!r} in {folder}: found {there}; 'fpn heads import' writes such files")
    return read_head(path) if _format(path) == MESH_FORMAT else read_head_file(path)


def _format(path: Path) -> str:
    """The format named in the file; empty if there is none: the reader then reports what is wrong."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return str(arrays["format"])
    except Exception:  # whatever a damaged file leads NumPy to
        return ""
