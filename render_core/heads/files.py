"""Heads on disk: a mesh with its landmarks in one .npz file.

| array | type | what |
| --- | --- | --- |
| format | text | "faceposenet-mesh-1" |
| name | text | the head's name |
| vertices_mm | float64 "v 3" | head frame |
| faces | int32 "f 3" | rows of vertices_mm, normals out of the head |
| landmarks_mm | float64 "68 3" | order of 300-W |
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from render_core.errors import HeadError
from render_core.heads.mesh import HeadMesh

MESH_FORMAT = "faceposenet-mesh-1"

# What NumPy and the decompression below it raise for files of other kinds and for damaged ones.
_UNREADABLE = (
    OSError,
    KeyError,
    ValueError,
    EOFError,
    TypeError,
    AttributeError,
    zipfile.BadZipFile,
    zlib.error,
)


def save_head(head: HeadMesh, path: Path) -> Path:
    """Writes a head to a file of its own.

    Args:
        head: the head.
        path: the file, `.npz`; its folder is made.

    Returns:
        The path.

    Example:
        >>> import tempfile
        >>> from render_core.heads.build import load_head
        >>> save_head(load_head(), Path(tempfile.mkdtemp()) / "mean.npz").is_file()
        True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            format=np.array(MESH_FORMAT),
            name=np.array(head.name),
            vertices_mm=head.vertices_mm,
            faces=head.triangles,
            landmarks_mm=head.landmarks_mm,
        )
    return path


def read_head(path: Path) -> HeadMesh:
    """Reads a head that `save_head` wrote.

    Args:
        path: the file.

    Raises:
        HeadError: a file that is missing or is not such a file.

    Example:
        >>> import tempfile
        >>> from render_core.heads.build import load_head
        >>> read_head(save_head(load_head(), Path(tempfile.mkdtemp()) / "mean.npz")).name
        'open-mean'
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = str(arrays["format"])
            if found != MESH_FORMAT:
                raise HeadError(f"{path} has the format {found!r}: expected {MESH_FORMAT!r}")
            return HeadMesh(
                str(arrays["name"]),
                arrays["vertices_mm"].astype(np.float64),
                arrays["faces"].astype(np.int32),
                arrays["landmarks_mm"].astype(np.float64),
            )
    except _UNREADABLE as error:
        if isinstance(error, HeadError):
            raise
        raise HeadError(f"{path} is not a head file ({error}): make one with 'fpn heads build'") from error
