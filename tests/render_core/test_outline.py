import numpy as np
import pytest

from render_core.grid import build_grid
from render_core.head import Head
from render_core.outline import nearest_in_mask
from render_core.view import view_camera


@pytest.mark.parametrize("yaw", [0, 55])
def test_shares_of_the_outline_are_those_of_a_finer_view(egg: Head, yaw: int) -> None:
    """Against a view eight times as large, averaged."""
    grid = build_grid(egg, view_camera(yaw, size_px=56))
    fine = build_grid(egg, view_camera(yaw, size_px=448)).head_mask
    coverage = fine.reshape(56, 8, 56, 8).mean(axis=(1, 3)).reshape(-1)
    own = grid.head_mask.reshape(-1)[grid.edges.pixel]
    expected = np.where(own, 1 - coverage[grid.edges.pixel], coverage[grid.edges.pixel])
    share = grid.edges.share / 255
    # A tent is softer than a pixel: half a pixel beside a straight edge it still sees an eighth.
    assert np.abs(share - expected).mean() < 0.1
    assert np.corrcoef(share, expected)[0, 1] > 0.8


def test_every_pixel_that_the_outline_crosses_is_one(egg: Head) -> None:
    grid = build_grid(egg, view_camera(22, size_px=56))
    right = np.zeros((56, 56), bool)
    right[:, :-1] = grid.head_mask[:, 1:] != grid.head_mask[:, :-1]
    number = np.flatnonzero(right)
    edges = set(grid.edges.pixel.tolist())
    assert all(pixel in edges or pixel + 1 in edges for pixel in number.tolist())
    assert len(edges) < 0.2 * 56 * 56


def test_the_other_points_are_of_the_other_kind(egg: Head) -> None:
    """Seen by the view's camera they lie in their pixels, those of the head in the nearest that sees it."""
    camera = view_camera(22, size_px=56)
    grid = build_grid(egg, camera)
    u, v, depth = camera.projection[:, :3] @ grid.edges.points.astype(np.float64) + camera.projection[:, 3:]
    row, column = np.divmod(grid.edges.pixel, 56)
    off = np.hypot(u / depth - column, v / depth - row)
    on_head = grid.head_mask.reshape(-1)[grid.edges.pixel]
    assert off[on_head].max() < 0.01
    assert off[~on_head].max() < 2.5
    assert np.isin(np.rint(v / depth) * 56 + np.rint(u / depth), np.flatnonzero(grid.head_mask))[
        ~on_head
    ].all()


def test_an_empty_mask_has_no_nearest_pixel() -> None:
    np.testing.assert_array_equal(nearest_in_mask(np.zeros((2, 3), bool)), np.arange(6))
