import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render_core.errors import HeadError, MissingExtraError
from render_core.head import ViewedHead
from render_core.head_file import read_head_file
from render_core.reference_heads import backdrop_mask, import_reference_heads
from render_core.view import view_camera

scipy_io = pytest.importorskip("scipy.io")


def write_model(path: Path, **changes: Any) -> None:
    """A file of 4 x 3 pixels in the original's layout: a bump before a plane."""
    points = np.zeros((4, 3, 3), np.float32)
    points[..., 0], points[..., 1] = np.meshgrid(np.arange(3), np.arange(4))
    points[..., 2] = 65.0
    points[1:3, 1, 2] = (-50.0, -40.0)
    model = {
        "refU": points.astype(np.float64),
        # Pixels 2 and 3 of the second column, one-based and column-major.
        "facemask": np.array([[6], [7]], np.uint16),
        "threedee": np.arange(66 * 3, dtype=np.float64).reshape(66, 3),
        "indbad": np.array([[1, 68]], np.uint8),
        "outA": np.array([[2880, 0, 112], [0, 2880, 112], [0, 0, 1]], np.uint16),
    } | changes
    scipy_io.savemat(path, {"model3D": model})


def test_a_file_of_each_set_becomes_a_head(tmp_path: Path) -> None:
    write_model(tmp_path / "model3D_aug_-00_00_03.mat")
    write_model(tmp_path / "model3D_aug_-40_00_03.mat")
    write_model(tmp_path / "model3D_aug_-75_07.mat")
    (tmp_path / "notes.mat").write_text("not a head")
    written = import_reference_heads(tmp_path, tmp_path / "out")
    assert [path.name for path in written] == ["03.npz", "old-07.npz"]

    head = read_head_file(written[0])
    assert list(head.views) == [0.0, 40.0]
    view = head.views[0.0]
    assert np.argwhere(view.face_mask).tolist() == [[1, 1], [2, 1]]
    assert np.argwhere(view.head_mask).tolist() == [[1, 1], [2, 1]]
    np.testing.assert_array_equal(view.landmark_ids, np.arange(1, 67))
    assert list(read_head_file(written[1]).views) == [75.0]


def test_a_folder_without_heads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match="model3D_aug"):
        import_reference_heads(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"facemask": np.array([[13]], np.uint16)}, "facemask"),
        ({"facemask": np.zeros((0, 1), np.uint16)}, "facemask"),
        ({"refU": np.zeros((4, 3))}, "refU has shape"),
        ({"refU": np.full((4, 3, 3), 0.1)}, "more digits"),
        ({"indbad": np.zeros((0, 0), np.uint8)}, "landmarks"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_model(tmp_path / "model3D_aug_-00_00_03.mat", **changes)
    with pytest.raises(HeadError, match=rf"model3D_aug_-00_00_03\.mat: .*{message}"):
        import_reference_heads(tmp_path, tmp_path / "out")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model3D_aug_-00_00_03.mat").write_text("text")
    with pytest.raises(HeadError, match="cannot be read as a head file"):
        import_reference_heads(tmp_path, tmp_path / "out")
    scipy_io.savemat(tmp_path / "model3D_aug_-00_00_03.mat", {"something": 1})
    with pytest.raises(HeadError, match="model3D"):
        import_reference_heads(tmp_path, tmp_path / "out")


def test_without_scipy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingExtraError, match=r"faceposenet\[reference-heads\]"):
        import_reference_heads(tmp_path, tmp_path / "out")


def test_planes_are_backdrop_and_what_is_curved_is_not() -> None:
    rows, columns = np.mgrid[0:40, 0:40].astype(float)
    points = np.stack([columns, rows, np.full_like(rows, 65.0)], axis=-1)
    points[:, 30:, 2] = 65.0 + 3 * (columns[:, 30:] - 30)
    from_middle = np.hypot(rows - 20, columns - 12)
    bump = from_middle < 9
    points[bump, 2] = -np.sqrt(400 - from_middle[bump] ** 2)
    np.testing.assert_array_equal(backdrop_mask(points), ~bump)


def test_the_original_heads(imported: dict[str, ViewedHead]) -> None:
    """Every point of the new set projects to its own pixel in the cameras of `view_camera`."""
    new = [head for name, head in imported.items() if not name.startswith("old")]
    assert [head.name for head in new] == [f"{shape:02}" for shape in range(1, 11)]
    for head in new:
        assert list(head.views) == [0.0, 22.0, 40.0, 55.0, 75.0]
        assert head.landmarks_mm.shape == (68, 3)
        check_views(head)
    assert np.linalg.norm(imported["10"].landmarks_mm[30] - [0.9, -2.9, -55.3]) < 0.1
    assert list(imported["old-10"].views) == [0.0, 40.0, 75.0]


def check_views(head: ViewedHead) -> None:
    rows, columns = np.mgrid[0:224, 0:224]
    for yaw, view in head.views.items():
        P = view_camera(yaw).projection
        projected = view.points_mm.astype(np.float64) @ P[:, :3].T + P[:, 3]
        offset = projected[..., :2] / projected[..., 2:] - np.stack([columns, rows], axis=-1)
        assert np.abs(offset).max() < 0.01
        assert 0.38 < view.head_mask.mean() < 0.55
        assert view.head_mask[view.face_mask].mean() > 0.99
