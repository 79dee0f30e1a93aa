from pathlib import Path

import numpy as np
import pytest

from render_core.errors import HeadError
from render_core.head import HeadView, ViewedHead
from render_core.head_file import FORMAT, read_head_file, write_head_file


def random_view(yaw_deg: float, shape: tuple[int, int] = (5, 7)) -> HeadView:
    generator = np.random.default_rng(int(yaw_deg))
    return HeadView(
        yaw_deg=yaw_deg,
        points_mm=generator.normal(size=(*shape, 3)).astype(np.float32),
        face_mask=generator.uniform(size=shape) < 0.5,
        head_mask=generator.uniform(size=shape) < 0.5,
        landmarks_mm=generator.normal(size=(68, 3)),
        landmark_ids=generator.permutation(68),
        photo_camera=generator.normal(size=(3, 3)),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    head = ViewedHead("whatever", {40.0: random_view(40.0), 0.0: random_view(0.0)})
    again = read_head_file(write_head_file(tmp_path / "03.npz", head))
    assert again.name == "03"
    assert list(again.views) == [0.0, 40.0]
    for yaw, view in head.views.items():
        for name in ("points_mm", "face_mask", "head_mask", "landmarks_mm", "landmark_ids", "photo_camera"):
            np.testing.assert_array_equal(getattr(again.views[yaw], name), getattr(view, name))


def test_views_are_read_once_and_only_when_asked_for(tmp_path: Path) -> None:
    path = write_head_file(tmp_path / "03.npz", ViewedHead("03", {0.0: random_view(0.0)}))
    head = read_head_file(path)
    first = head.views[0.0]
    path.unlink()
    assert head.views[0.0] is first


@pytest.mark.parametrize("content", [b"", b"not a head", b"PK\x03\x04 cut off"])
def test_files_of_another_kind_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "03.npz"
    path.write_bytes(content)
    with pytest.raises(HeadError, match=r"03\.npz: cannot be read as a head file.*fpn heads import"):
        read_head_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeadError, match=r"04\.npz"):
        read_head_file(tmp_path / "04.npz")


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "03.npz"
    np.savez(path, format=np.array("faceposenet-head-9"), views_deg=np.zeros(1))
    with pytest.raises(HeadError, match=f"faceposenet-head-9.*{FORMAT}"):
        read_head_file(path)


def test_a_view_without_its_arrays_is_named(tmp_path: Path) -> None:
    path = tmp_path / "03.npz"
    np.savez(path, format=np.array(FORMAT), views_deg=np.zeros(1))
    with pytest.raises(HeadError, match="view 0 lacks points_mm, face_mask"):
        read_head_file(path)
