import numpy as np
import pytest

from render_core.cells import build_cells, join_cells
from render_core.grid import build_grid
from render_core.head import Head
from render_core.view import view_camera
from render_core.visibility import build_shadow_maps


@pytest.mark.parametrize("size_px", [56, 100, 224])
def test_cells_stand_for_squares_of_pixels(egg: Head, size_px: int) -> None:
    grid = build_grid(egg, view_camera(22, size_px=size_px))
    cells = build_cells(grid, build_shadow_maps(egg))
    assert (cells.side - 1) * cells.cell_px < size_px <= cells.side * cells.cell_px
    u, v, depth = view_camera(22, size_px=size_px).projection @ cells.points.astype(np.float64)
    middle = np.minimum(np.arange(cells.side) * cells.cell_px + cells.cell_px // 2, size_px - 1)
    np.testing.assert_allclose((u / depth).reshape(cells.side, -1)[0], middle, atol=0.01)
    np.testing.assert_allclose((v / depth).reshape(cells.side, -1)[:, 0], middle, atol=0.01)


def test_normals_are_the_surface_normals_pointing_out(egg: Head) -> None:
    grid = build_grid(egg, view_camera(0))
    cells = build_cells(grid, build_shadow_maps(egg))
    x, y, z = cells.points[:3]
    plain = (np.abs(x) > 30) & (np.abs(x) < 50) & (np.abs(y) < 60) & (z < 40)
    outward = np.stack([x / 70**2, y / 100**2, (z - 20) / 85**2], axis=1)[plain]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert plain.sum() > 100
    cosine = (cells.normals[:, plain].T * outward).sum(axis=1)
    assert np.degrees(np.arccos(np.median(cosine))) < 4
    assert cosine.min() > 0.9


def test_joined_cells_are_those_of_the_views(egg: Head) -> None:
    shadows = build_shadow_maps(egg)
    one, two = (build_cells(build_grid(egg, view_camera(yaw, size_px=56)), shadows) for yaw in (0, 40))
    both = join_cells([one, two])
    np.testing.assert_array_equal(both.seen[..., : one.seen.shape[-1]], one.seen)
    np.testing.assert_array_equal(both.points[:, one.points.shape[1] :], two.points)
    assert both.is_face.sum() == one.is_face.sum() + two.is_face.sum()
