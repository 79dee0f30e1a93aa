from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render_core import Renderer, view_cache
from render_core.head import Head
from render_core.view import view_camera
from render_core.view_cache import ReadyView, ready_views
from tests.render_core.conftest import EggHead

CAMERAS = [view_camera(yaw, size_px=40) for yaw in (0, 40)]


def assert_equal(one: ReadyView, two: ReadyView) -> None:
    assert one.grid.camera == two.grid.camera
    for name in ("points", "face_mask", "head_mask"):
        np.testing.assert_array_equal(getattr(one.grid, name), getattr(two.grid, name))
    for name in ("side", "cell_px", "points", "normals", "seen", "is_face"):
        np.testing.assert_array_equal(getattr(one.cells, name), getattr(two.cells, name))


@pytest.fixture
def no_making(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From its call on, making a view fails the test."""

    def forbid() -> None:
        monkeypatch.setattr(view_cache, "build_grid", lambda *_: pytest.fail("was made anew"))

    return forbid


def test_what_is_read_is_what_was_made(egg: Head, tmp_path: Path, no_making: Any) -> None:
    made = ready_views(egg, CAMERAS, tmp_path / "views")
    no_making()
    for fresh, again in zip(made, ready_views(egg, CAMERAS, tmp_path / "views"), strict=True):
        assert_equal(fresh, again)


def test_a_heads_shadows_are_drawn_once_for_all_its_views(
    egg: EggHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    real = view_cache.build_shadow_maps
    monkeypatch.setattr(view_cache, "build_shadow_maps", lambda head: drawn.append(head) or real(head))
    wider = EggHead(egg.vertices_mm * [1.3, 1, 1], egg.triangles, egg.landmarks_mm)
    same = EggHead(wider.vertices_mm.copy(), egg.triangles, egg.landmarks_mm)
    (first,) = ready_views(wider, CAMERAS[:1])
    ready_views(wider, CAMERAS[1:])
    (again,) = ready_views(same, CAMERAS[:1])
    assert drawn == [wider]
    assert_equal(first, again)


def test_another_head_or_camera_has_another_file(egg: EggHead, tmp_path: Path) -> None:
    ready_views(egg, CAMERAS[:1], tmp_path)
    wider = EggHead(egg.vertices_mm * [1.1, 1, 1], egg.triangles, egg.landmarks_mm)
    ready_views(wider, CAMERAS[:1], tmp_path)
    ready_views(egg, [view_camera(0, pitch_deg=1, size_px=40)], tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_file_is_made_anew(egg: Head, tmp_path: Path) -> None:
    (made,) = ready_views(egg, CAMERAS[:1], tmp_path)
    (path,) = tmp_path.iterdir()
    for content in (b"", path.read_bytes()[:5000], b"text"):
        path.write_bytes(content)
        (again,) = ready_views(egg, CAMERAS[:1], tmp_path)
        assert_equal(made, again)


def test_changed_code_meets_no_old_file(egg: Head, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready_views(egg, CAMERAS[:1], tmp_path)
    monkeypatch.setattr(view_cache, "_code_hash", lambda: "another")
    ready_views(egg, CAMERAS[:1], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_renderer_uses_it(egg: Head, tmp_path: Path, no_making: Any, noise: np.ndarray, pose: Any) -> None:
    first = Renderer(egg, (0, 40), size_px=40, cache_dir=tmp_path)
    no_making()
    second = Renderer(egg, (0, 40), size_px=40, cache_dir=tmp_path)
    for one, two in zip(first.render(noise, pose(5)), second.render(noise, pose(5)), strict=True):
        np.testing.assert_array_equal(one.image, two.image)


def test_a_cache_that_cannot_be_written_is_done_without(egg: Head, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = ready_views(egg, CAMERAS, tmp_path / "file" / "views")
    for fresh, again in zip(made, ready_views(egg, CAMERAS), strict=True):
        assert_equal(fresh, again)


def test_a_disk_that_is_full_leaves_nothing_half_written(
    egg: Head, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Any, **_: Any) -> None:
        file.write(b"x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(view_cache.np, "savez", full)
    assert len(ready_views(egg, CAMERAS, tmp_path)) == len(CAMERAS)
    assert list(tmp_path.iterdir()) == []
