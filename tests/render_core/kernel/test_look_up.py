"""What the look-up shows, on a grid of a head."""

from typing import Any

import numpy as np
import pytest

from render_core.grid import ViewGrid, build_grid
from render_core.head import Head
from render_core.kernel import sample_view
from render_core.kernel.weights import cubic_weights, linear_weights
from render_core.sight import MIRROR
from render_core.source import with_border
from render_core.view import view_camera


@pytest.fixture(scope="module")
def grid(egg: Head) -> ViewGrid:
    return build_grid(egg, view_camera(0, size_px=56))


def look_up(
    grid: ViewGrid,
    image: np.ndarray,
    projection: np.ndarray,
    twins: np.ndarray | None = None,
    cell_px: int = 1,
) -> np.ndarray:
    source = with_border(image)
    return sample_view(grid.points, grid.head_mask, source, projection, cubic_weights(), twins, cell_px)


def shares(head: float, backdrop: float, side: int = 56) -> np.ndarray:
    return np.stack([np.full((side, side), round(255 * value), np.uint8) for value in (head, backdrop)])


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).max())


def test_a_view_of_its_own_photo_is_that_photo(grid: ViewGrid) -> None:
    """Sampled with the view's own camera every pixel lands on itself, but for the rounding of positions."""
    image = np.random.default_rng(0).integers(0, 256, (56, 56, 3)).astype(np.uint8)
    assert difference(look_up(grid, image, grid.camera.projection), image) <= 1


def test_levels_are_rounded_and_overshoot_is_clipped(grid: ViewGrid) -> None:
    step = np.zeros((56, 56, 3), np.uint8)
    step[:, 28:] = 255
    shifted = grid.camera.projection.copy()
    shifted[0] += 0.5 * shifted[2]
    view = look_up(grid, step, shifted)
    assert view[:, :20].max() == 0 and view[:, 40:].min() == 255
    assert set(np.unique(view)) <= {0, 127, 128, 255}
    thirds = np.zeros((56, 56, 3), np.uint8)
    thirds[:, ::2] = 101
    # Half of 101 by any symmetric kernel.
    assert set(np.unique(look_up(grid, thirds, shifted)[:, 5:-5])) <= {50, 51}


@pytest.mark.parametrize("cell_px", [1, 2, 4])
def test_whole_twins_are_the_other_half(grid: ViewGrid, noise: np.ndarray, pose: Any, cell_px: int) -> None:
    expected = look_up(grid, noise, pose(20) @ MIRROR)
    actual = look_up(grid, noise, pose(20), shares(1.0, 1.0, 56 // cell_px), cell_px)
    np.testing.assert_array_equal(actual, expected)


def test_head_and_backdrop_have_their_own_shares(grid: ViewGrid, noise: np.ndarray, pose: Any) -> None:
    direct, other = look_up(grid, noise, pose(20)), look_up(grid, noise, pose(20) @ MIRROR)
    mixed = look_up(grid, noise, pose(20), shares(0.0, 1.0))
    np.testing.assert_array_equal(mixed, np.where(grid.head_mask[..., None], direct, other))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_shares_mix(grid: ViewGrid, noise: np.ndarray, pose: Any, share: float) -> None:
    # Overshoot is clipped after the mixing: a photo without extremes has none.
    photo = noise // 2 + 64
    direct, other = look_up(grid, photo, pose(20)), look_up(grid, photo, pose(20) @ MIRROR)
    mixed = look_up(grid, photo, pose(20), shares(share, share))
    assert difference(mixed, (1 - share) * direct.astype(float) + share * other) <= 2


def test_the_fourth_channel_tells_photo_from_nothing(grid: ViewGrid, noise: np.ndarray, pose: Any) -> None:
    source = with_border(noise[:, :100], alpha=True)
    view = sample_view(grid.points, grid.head_mask, source, pose(0), linear_weights(), channels=4)
    assert view[:, :20, 3].min() == 255 and view[:, -20:, 3].max() == 0
    assert view[:, -20:, :3].max() > 0
    black = sample_view(
        grid.points, grid.head_mask, with_border(noise[:, :100], black=True), pose(0), linear_weights()
    )
    assert black[:, -20:].max() == 0
