"""A user's own mesh as a head: brought into the head frame by its 68 landmarks."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from render_core.errors import HeadError, MissingExtraError
from render_core.head import LANDMARKS
from render_core.heads.build import load_head
from render_core.heads.mesh import HeadMesh, vertex_normals

# Landmarks of a person differ from the mean head's by some 4 mm; farther off, their order is another.
_LARGEST_MISFIT_MM = 15.0


def import_mesh(path: Path, landmark_vertices: Sequence[int], name: str) -> HeadMesh:
    """Reads a mesh of any units and position as a head.

    The mesh is turned, scaled and moved so that its landmarks come closest to those of the mean head.

    Args:
        path: an OBJ, PLY or other file that trimesh reads.
        landmark_vertices: rows (0-based, order of the file) of the vertices at the 68 landmarks of 300-W.
        name: the new head's name.

    Raises:
        MissingExtraError: trimesh is not installed.
        HeadError: a file without a triangle mesh, wrong landmarks, or a mesh that does not resemble a head at
            those landmarks.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "scan.obj"
        >>> _ = file.write_text("v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nf 1 2 3\\n")
        >>> import_mesh(file, range(68), "me")
        Traceback (most recent call last):
        render_core.errors.HeadError: landmark vertices from 0 to 67: ...
    """
    vertices, triangles = _read_mesh(path)
    rows = np.array(landmark_vertices)
    if rows.shape != (LANDMARKS,) or rows.dtype.kind not in "iu":
        raise HeadError(f"{len(landmark_vertices)} landmark vertices: expected {LANDMARKS} whole numbers")
    if rows.min() < 0 or rows.max() >= len(vertices):
        raise HeadError(
            f"landmark vertices from {rows.min()} to {rows.max()}: {path} has 0 to {len(vertices) - 1}"
        )
    scale, rotation, offset = fit_similarity(vertices[rows], load_head().landmarks_mm)
    placed = scale * vertices @ rotation.T + offset
    misfit = np.sqrt(np.mean(np.sum((placed[rows] - load_head().landmarks_mm) ** 2, axis=1)))
    if misfit > _LARGEST_MISFIT_MM:
        raise HeadError(
            f"{path}: the landmarks miss those of a mean head by {misfit:.0f} mm: expected at most "
            f"{_LARGEST_MISFIT_MM:.0f}. Give them in 300-W's order, counted from 0, of a mesh not mirrored"
        )
    return HeadMesh(name, placed, _facing_out(placed, triangles), placed[rows])


def fit_similarity(
    source: Float[np.ndarray, "n 3"], target: Float[np.ndarray, "n 3"]
) -> tuple[float, Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """Scale, rotation and offset with scale R source + offset closest to target (Umeyama 1991).

    Raises HeadError when the source points lie on one line or in one place.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    if np.linalg.matrix_rank(a, tol=1e-9 * max(np.abs(a).max(), 1e-300)) < 2:
        raise HeadError("landmarks lie in one place or on one line: expected the 68 points of a face")
    u, singular, vt = np.linalg.svd(b.T @ a)
    # The last axis is turned where the best orthogonal matrix would be a reflection.
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = float((singular * signs).sum() / (a**2).sum())
    return scale, rotation, target_mean - scale * rotation @ source_mean


def _read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        trimesh = importlib.import_module("trimesh")
    except ImportError as error:
        raise MissingExtraError("reading meshes needs trimesh: pip install 'faceposenet[meshes]'") from error
    if not path.is_file():
        raise HeadError(f"no file {path}: expected a mesh, such as an OBJ or PLY file")
    try:
        # As it stands in the file: the user's landmark rows count its vertices.
        mesh = trimesh.load(path, force="mesh", process=False, maintain_order=True, skip_materials=True)
        vertices, triangles = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int32)
    except Exception as error:  # trimesh raises whatever its many readers do
        raise HeadError(f"{path} cannot be read as a mesh: {error}") from error
    if not len(triangles) or not len(vertices):
        raise HeadError(f"{path} holds no triangles: expected a triangle mesh")
    return vertices, triangles


def _facing_out(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The triangles, all turned over when most normals point into the head."""
    normals = vertex_normals(vertices, triangles)
    outward = np.einsum("ij,ij->i", normals, vertices - vertices.mean(axis=0))
    return triangles if outward.sum() >= 0 else np.ascontiguousarray(triangles[:, ::-1])
