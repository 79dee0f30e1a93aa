import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from render_core.errors import HeadError, MissingExtraError
from render_core.heads.build import load_head
from render_core.heads.imported import fit_similarity, import_mesh
from render_core.heads.mesh import HeadMesh

needs_trimesh = pytest.mark.skipif(
    importlib.util.find_spec("trimesh") is None, reason="needs the extra 'meshes'"
)

# Turned by 120 degrees about the diagonal, in metres, somewhere else.
TURN = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


@pytest.fixture(scope="module")
def head() -> HeadMesh:
    return load_head("open-03")


@pytest.fixture(scope="module")
def landmark_vertices(head: HeadMesh) -> list[int]:
    return [int(np.linalg.norm(head.vertices_mm - at, axis=1).argmin()) for at in head.landmarks_mm]


def write_obj(path: Path, vertices: np.ndarray, triangles: np.ndarray) -> Path:
    # With texture coordinates that differ at every corner: readers like to split vertices at them.
    lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in vertices]
    lines += ["vt 0 0", "vt 1 0", "vt 0 1"]
    lines += [f"f {a}/1 {b}/2 {c}/3" for a, b, c in (triangles + 1).tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def write_ply(path: Path, vertices: np.ndarray, triangles: np.ndarray) -> Path:
    header = f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    lines = [f"{x:.9f} {y:.9f} {z:.9f}" for x, y, z in vertices]
    lines += [f"3 {a} {b} {c}" for a, b, c in triangles.tolist()]
    path.write_text(header + "\n".join(lines) + "\n", encoding="ascii")
    return path


@needs_trimesh
@pytest.mark.parametrize("inside_out", [False, True])
@pytest.mark.parametrize("write", [write_obj, write_ply])
def test_a_mesh_in_any_units_and_position_comes_into_the_head_frame(
    write, inside_out: bool, tmp_path: Path, head: HeadMesh, landmark_vertices: list[int]
) -> None:
    triangles = head.triangles[:, ::-1] if inside_out else head.triangles
    suffix = "obj" if write is write_obj else "ply"
    path = write(tmp_path / f"scan.{suffix}", 0.001 * head.vertices_mm @ TURN.T + [1, 2, 3], triangles)
    imported = import_mesh(path, landmark_vertices, "scan")
    np.testing.assert_array_equal(imported.triangles, head.triangles)
    # The same head but for a small similarity: its landmarks are now closest to the mean head's.
    scale, rotation, offset = fit_similarity(imported.vertices_mm, head.vertices_mm)
    np.testing.assert_allclose(
        scale * imported.vertices_mm @ rotation.T + offset, head.vertices_mm, atol=0.01
    )
    assert np.linalg.norm(imported.landmarks_mm - load_head().landmarks_mm, axis=1).mean() < 5


@needs_trimesh
def test_bad_landmarks_and_files_are_refused(
    tmp_path: Path, head: HeadMesh, landmark_vertices: list[int]
) -> None:
    path = write_ply(tmp_path / "scan.ply", head.vertices_mm, head.triangles)
    with pytest.raises(HeadError, match="67 landmark vertices: expected 68"):
        import_mesh(path, landmark_vertices[1:], "scan")
    with pytest.raises(HeadError, match="landmark vertices from -1"):
        import_mesh(path, [-1, *landmark_vertices[1:]], "scan")
    with pytest.raises(HeadError, match="miss those of a mean head by"):
        import_mesh(path, landmark_vertices[34:] + landmark_vertices[:34], "scan")
    mirrored = write_ply(tmp_path / "mirrored.ply", head.vertices_mm * [-1, 1, 1], head.triangles)
    with pytest.raises(HeadError, match="not mirrored"):
        import_mesh(mirrored, landmark_vertices, "scan")
    with pytest.raises(HeadError, match="no file"):
        import_mesh(tmp_path / "missing.ply", landmark_vertices, "scan")
    points = write_ply(tmp_path / "points.ply", head.vertices_mm, head.triangles[:0])
    with pytest.raises(HeadError, match=r"points\.ply"):
        import_mesh(points, landmark_vertices, "scan")
    (tmp_path / "text.ply").write_text("no mesh", encoding="ascii")
    with pytest.raises(HeadError, match="cannot be read as a mesh"):
        import_mesh(tmp_path / "text.ply", landmark_vertices, "scan")


def test_without_trimesh_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(MissingExtraError, match=r"faceposenet\[meshes\]"):
        import_mesh(tmp_path / "scan.ply", [0] * 68, "scan")


def test_a_similarity_is_found_exactly() -> None:
    points = np.random.default_rng(0).normal(size=(10, 3))
    scale, rotation, offset = fit_similarity(points, 3.0 * points @ TURN.T + [1, 2, 3])
    assert scale == pytest.approx(3)
    np.testing.assert_allclose(rotation, TURN, atol=1e-12)
    np.testing.assert_allclose(offset, [1, 2, 3], atol=1e-12)


def test_a_similarity_is_never_a_reflection() -> None:
    points = np.random.default_rng(0).normal(size=(10, 3))
    _, rotation, _ = fit_similarity(points, points * [-1, 1, 1])
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_points_on_a_line_have_no_similarity() -> None:
    with pytest.raises(HeadError, match="on one line"):
        fit_similarity(np.linspace(0, 1, 10)[:, None] * [1.0, 2.0, 3.0], np.eye(10, 3))
