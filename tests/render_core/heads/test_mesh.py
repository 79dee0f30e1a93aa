import numpy as np
import pytest

from render_core.errors import HeadError
from render_core.head import geometry_sha256
from render_core.heads.mesh import HeadMesh, vertex_normals

# A tetrahedron with outward triangles.
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
TRIANGLES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


def tetrahedron(name: str = "t", scale: float = 1.0, triangles: np.ndarray = TRIANGLES) -> HeadMesh:
    return HeadMesh(name, CORNERS * scale, triangles.copy(), np.zeros((68, 3)))


def test_normals_are_unit_vectors_out_of_the_body() -> None:
    normals = tetrahedron().normals
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    assert (np.einsum("ij,ij->i", normals, CORNERS - CORNERS.mean(axis=0)) > 0).all()
    np.testing.assert_allclose(normals[0], -np.ones(3) / np.sqrt(3))


def test_a_vertex_without_faces_has_no_normal() -> None:
    normals = vertex_normals(CORNERS, TRIANGLES[:1])
    np.testing.assert_array_equal(normals[3], 0)
    np.testing.assert_allclose(normals[:3], [[0, 0, -1]] * 3)


def test_the_hash_depends_on_the_geometry_alone() -> None:
    assert geometry_sha256(tetrahedron("a")) == geometry_sha256(tetrahedron("b"))
    assert geometry_sha256(tetrahedron()) != geometry_sha256(tetrahedron(scale=1.0001))
    assert geometry_sha256(tetrahedron()) != geometry_sha256(tetrahedron(triangles=TRIANGLES[:3]))


def test_a_head_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        tetrahedron().vertices_mm[0] = 1


@pytest.mark.parametrize(
    ("vertices", "triangles", "message"),
    [
        (CORNERS * np.nan, TRIANGLES, "NaN"),
        (CORNERS, TRIANGLES[:0], "no triangles"),
        (CORNERS, TRIANGLES + 1, "expected 0 to 3"),
    ],
)
def test_bad_meshes_are_refused(vertices: np.ndarray, triangles: np.ndarray, message: str) -> None:
    with pytest.raises(HeadError, match=message):
        HeadMesh("bad", vertices, triangles, np.zeros((68, 3)))
