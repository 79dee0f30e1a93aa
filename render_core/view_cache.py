"""Views of a head made ready for a renderer, kept on disk: two seconds to make, ten milliseconds to read.

A file is named by a hash of everything that goes into it: the head's geometry, the camera, and the code that
makes it. So a changed head or a changed program never meets an old file, and nothing ever needs clearing.
"""

import contextlib
import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from render_core.cells import Cells, build_cells
from render_core.grid import ViewGrid, build_grid
from render_core.head import Head, geometry_sha256
from render_core.kernel import Edges
from render_core.view import ViewCamera
from render_core.visibility import ShadowMaps, build_shadow_maps

_MAKERS = ("backdrop", "cells", "grid", "head", "outline", "raster", "view", "view_cache", "visibility")
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class ReadyView:
    """The grid of a view and its cells."""

    grid: ViewGrid
    cells: Cells


def ready_views(head: Head, cameras: Sequence[ViewCamera], cache_dir: Path | None = None) -> list[ReadyView]:
    """The views of `head` in `cameras`, read from `cache_dir` if they lie there, else made and put there."""
    geometry = geometry_sha256(head)
    known = _KnownHead(geometry, head)
    if cache_dir is None:
        return [_make(known, camera) for camera in cameras]
    # A home that cannot be written, as in many containers, costs the time of making the views.
    with contextlib.suppress(OSError):
        cache_dir.mkdir(parents=True, exist_ok=True)
    views = []
    for camera in cameras:
        path = cache_dir / f"view-{_key(geometry, camera)}.npz"
        view = _read(path, camera)
        if view is None:
            view = _make(known, camera)
            with contextlib.suppress(OSError):
                _write(path, view)
        views.append(view)
    return views


@dataclass(frozen=True)
class _KnownHead:
    """A head that is the same as another one of the same geometry."""

    geometry: str
    head: Head = field(compare=False)


def _make(known: _KnownHead, camera: ViewCamera) -> ReadyView:
    grid = build_grid(known.head, camera)
    return ReadyView(grid, build_cells(grid, _shadow_maps(known)))


@lru_cache(maxsize=4)
def _shadow_maps(known: _KnownHead) -> ShadowMaps:
    """The head's shadow maps: most of the time that a view takes, and 3 MB that all further views share."""
    return build_shadow_maps(known.head)


@cache
def _code_hash() -> str:
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / f"{name}.py").read_bytes() for name in _MAKERS)).hexdigest()


def _key(geometry: str, camera: ViewCamera) -> str:
    return hashlib.sha256(f"{_code_hash()} {geometry} {camera!r}".encode()).hexdigest()[:32]


def _read(path: Path, camera: ViewCamera) -> ReadyView | None:
    """The view in the file, None if there is none or only a part of one."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            size = (camera.size_px, camera.size_px)
            face, head = (
                np.unpackbits(stored[name], count=size[0] * size[1]).reshape(size).astype(bool)
                for name in ("face_mask", "head_mask")
            )
            points = np.ones((4, size[0] * size[1]), np.float32)
            points[:3] = stored["points"]
            cells = Cells(
                side=int(stored["side"]),
                cell_px=int(stored["cell_px"]),
                points=stored["cell_points"],
                normals=stored["normals"],
                seen=stored["seen"],
                is_face=stored["is_face"],
                margins=stored["margins"],
                outline=stored["outline"],
                facing=stored["facing"],
            )
            edges = Edges(stored["edge_pixel"], stored["edge_points"], stored["edge_share"])
            return ReadyView(ViewGrid(camera, points, face, head, edges), cells)
    except _UNREADABLE:
        return None


def _write(path: Path, view: ReadyView) -> None:
    """Under a temporary name first, so that no other worker ever reads half a file."""
    grid, cells = view.grid, view.cells
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            np.savez(
                file,
                points=grid.points[:3],
                face_mask=np.packbits(grid.face_mask),
                head_mask=np.packbits(grid.head_mask),
                side=np.array(cells.side),
                cell_px=np.array(cells.cell_px),
                cell_points=cells.points,
                normals=cells.normals,
                seen=cells.seen,
                is_face=cells.is_face,
                margins=cells.margins,
                outline=cells.outline,
                facing=cells.facing,
                edge_pixel=grid.edges.pixel,
                edge_points=grid.edges.points,
                edge_share=grid.edges.share,
            )
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    Path(file.name).replace(path)
