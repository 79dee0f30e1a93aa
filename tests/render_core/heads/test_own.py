from pathlib import Path

import pytest

from render_core.errors import HeadError
from render_core.head import geometry_sha256
from render_core.heads import own
from render_core.heads.build import build_head, load_head
from render_core.heads.mesh import HeadMesh
from render_core.heads.own import build_head_from_yaml


def described(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my_head.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_parameters_give_the_head_they_name(tmp_path: Path) -> None:
    head = build_head_from_yaml(described(tmp_path, "name: wide\nparameters: {width: 1.5, chin: -1}\n"))
    assert head.name == "wide"
    assert geometry_sha256(head) == geometry_sha256(build_head({"width": 1.5, "chin": -1.0}))


def test_measurements_give_a_head_that_has_them(tmp_path: Path) -> None:
    head = build_head_from_yaml(
        described(tmp_path, "measurements_mm: {eye_corners_outer: 95, mouth_width: 48}\n")
    )
    assert head.name == "my_head"
    scale = (head.landmarks_mm[45, 0] - head.landmarks_mm[36, 0]) / 95
    assert head.landmarks_mm[54, 0] - head.landmarks_mm[48, 0] == pytest.approx(48 * scale, rel=1e-4)


def test_a_mesh_is_found_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def import_mesh(path: Path, rows: list[int], name: str) -> HeadMesh:
        asked.append((path, rows, name))
        return load_head()

    monkeypatch.setattr(own, "import_mesh", import_mesh)
    build_head_from_yaml(described(tmp_path, "name: scan\nmesh: scan.obj\nlandmark_vertices: [1, 2]\n"))
    assert asked == [(tmp_path / "scan.obj", [1, 2], "scan")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\n", "none of its parts: expected one of measurements_mm, parameters, mesh"),
        ("parameters: {}\nmeasurements_mm: {}\n", "measurements_mm and parameters: expected one of"),
        ("[1, 2]\n", "holds a list: expected keys among"),
        ("parameters: {width: [}\n", "cannot be read as YAML"),
        ("parameters: {}\ncolour: red\n", "unknown keys colour"),
        ("parameters: [1]\n", "parameters holds a list: expected numbers by name"),
        ("parameters: {width: wide}\n", r"parameters\.width is 'wide': expected a number"),
        ("parameters: {girth: 1}\n", "no parameter is called 'girth'"),
        ("measurements_mm: {face_width: 400}\n", "out of proportion"),
        ("mesh: scan.obj\n", "landmark_vertices must be a list of 68"),
        ("mesh: scan.obj\nlandmark_vertices: [a]\n", "landmark_vertices must be a list of 68"),
    ],
)
def test_mistakes_are_refused_with_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(HeadError, match=message):
        build_head_from_yaml(described(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match="cannot be read as YAML"):
        build_head_from_yaml(tmp_path / "missing.yaml")
