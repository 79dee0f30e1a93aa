"""A head as the renderer takes it: a triangle mesh in the head frame, with the 68 landmarks of 300-W."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int32

from render_core.errors import HeadError


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """A head in the head frame: millimetres, x to the image right, y down, z away from the camera.

    The mesh may be open (neck) and may consist of parts that overlap (ears): it is meant for a z-buffer.

    Attributes:
        name: the head's name.
        vertices_mm: the vertices.
        triangles: rows of `vertices_mm`, ordered so that normals point out of the head.
        landmarks_mm: the 68 landmarks in 300-W's order.

    Raises:
        HeadError: numbers that are not finite, or triangles that point outside the vertices.

    Example:
        >>> from render_core.heads.build import load_head
        >>> mean = load_head()
        >>> HeadMesh("copy", mean.vertices_mm, mean.triangles, mean.landmarks_mm).name
        'copy'
    """

    name: str
    vertices_mm: Float[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    landmarks_mm: Float[np.ndarray, "68 3"]

    def __post_init__(self) -> None:
        if not (np.isfinite(self.vertices_mm).all() and np.isfinite(self.landmarks_mm).all()):
            raise HeadError(f"head {self.name!r}: vertices or landmarks hold NaN or infinity")
        if not len(self.triangles):
            raise HeadError(f"head {self.name!r} has no triangles: expected a triangle mesh")
        if self.triangles.min() < 0 or self.triangles.max() >= len(self.vertices_mm):
            raise HeadError(
                f"head {self.name!r}: triangles point to vertices {self.triangles.min()} to "
                f"{self.triangles.max()}, "
                f"expected 0 to {len(self.vertices_mm) - 1}"
            )
        for array in (self.vertices_mm, self.triangles, self.landmarks_mm):
            array.setflags(write=False)

    @cached_property
    def normals(self) -> Float[np.ndarray, "v 3"]:
        """Unit normals of the vertices, out of the head."""
        return vertex_normals(self.vertices_mm, self.triangles)


def vertex_normals(
    vertices_mm: Float[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"]
) -> Float[np.ndarray, "v 3"]:
    """Computes the normals of vertices: the area-weighted means of their triangles' normals.

    Args:
        vertices_mm: the vertices.
        triangles: rows of `vertices_mm`.

    Returns:
        Unit vectors; 0 for a vertex without a triangle.

    Example:
        >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
        >>> vertex_normals(corners, np.array([[0, 1, 2]], np.int32))[0].tolist()
        [0.0, 0.0, 1.0]
    """
    a, b, c = (vertices_mm[triangles[:, corner]] for corner in range(3))
    # The cross product's length is twice the area: the sum is weighted by area as it stands.
    triangle_normals = np.cross(b - a, c - a)
    normals = np.column_stack(
        [
            sum(
                np.bincount(triangles[:, corner], triangle_normals[:, axis], len(vertices_mm))
                for corner in range(3)
            )
            for axis in range(3)
        ]
    )
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.where(lengths > 0, lengths, 1.0))
