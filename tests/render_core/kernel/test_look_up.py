"""What the look-up shows, on a grid of a head."""

from typing import Any

import numpy as np
import pytest

from render_core.grid import ViewGrid, build_grid
from render_core.head import Head
from render_core.kernel import Edges, ViewCells, sample_view
from render_core.kernel.inputs import NO_CELLS
from render_core.kernel.weights import cubic_weights, linear_weights
from render_core.sight import MIRROR
from render_core.source import with_border
from render_core.view import view_camera


@pytest.fixture(scope="module")
def grid(egg: Head) -> ViewGrid:
    return build_grid(egg, view_camera(0, size_px=56))


def look_up(
    grid: ViewGrid, image: np.ndarray, projection: np.ndarray, cells: ViewCells = NO_CELLS
) -> np.ndarray:
    source = with_border(image)
    return sample_view(grid.points, grid.head_mask, source, projection, cubic_weights(), cells)


def some_cells(cell_px: int = 1, **values: np.ndarray) -> ViewCells:
    """Cells with nothing but `values`."""
    side = 56 // cell_px
    nothing = np.zeros((2, side, side), np.uint8)
    planes = {
        "twins": nothing,
        "fill": nothing,
        "trust": nothing,
        "offsets": np.zeros((4, side, side), np.int16),
    }
    return ViewCells(cell_px, **(planes | values))


def shares(head: float, backdrop: float, cell_px: int = 1) -> ViewCells:
    side = 56 // cell_px
    steps = np.stack([np.full((side, side), round(255 * value), np.uint8) for value in (head, backdrop)])
    return some_cells(cell_px, twins=steps)


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
    actual = look_up(grid, noise, pose(20), shares(1.0, 1.0, cell_px))
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


def test_offsets_move_positions_on_the_head_alone(grid: ViewGrid, noise: np.ndarray, pose: Any) -> None:
    """By 1.5 px to the right, of a photo whose pixel tells its column."""
    photo = np.repeat(np.tile(np.arange(200, dtype=np.uint8), (200, 1))[..., None], 3, axis=2)
    offsets = np.zeros((4, 14, 14), np.int16)
    offsets[0] = 96
    moved = look_up(grid, photo, pose(0), some_cells(4, offsets=offsets)).astype(int)
    difference = (moved - look_up(grid, photo, pose(0)))[..., 0]
    assert set(np.unique(difference[grid.head_mask])) <= {1, 2}
    assert difference[grid.head_mask].mean() == pytest.approx(1.5, abs=0.05)
    assert not difference[~grid.head_mask].any()


def test_a_fill_is_made_of_trusted_pixels_of_its_kind(grid: ViewGrid) -> None:
    """The head is dark, the backdrop bright, a spot on the head is white and not trusted."""
    photo = np.where(grid.head_mask[..., None], 40, 200).repeat(3, axis=2).astype(np.uint8)
    spot = np.zeros((14, 14), bool)
    spot[6:8, 6:8] = True
    photo[24:32, 24:32] = 255
    fill, trust = np.zeros((2, 14, 14), np.uint8), np.full((2, 14, 14), 255, np.uint8)
    fill[0, 5:9, 5:9] = 255
    trust[0, 5:9, 5:9] = 0
    plain = look_up(grid, photo, grid.camera.projection)
    filled = look_up(grid, photo, grid.camera.projection, some_cells(4, fill=fill, trust=trust))
    assert plain[28, 28].min() == 255
    # Cells on the outline mix a little of the other kind by interpolation of the photo.
    assert np.abs(filled[26:30, 26:30].astype(int) - 40).max() <= 4
    np.testing.assert_array_equal(filled[~grid.head_mask], plain[~grid.head_mask])


def test_with_nothing_to_trust_nothing_is_filled(grid: ViewGrid, noise: np.ndarray, pose: Any) -> None:
    everything = np.full((2, 14, 14), 255, np.uint8)
    filled = look_up(grid, noise, pose(0), some_cells(4, fill=everything))
    np.testing.assert_array_equal(filled, look_up(grid, noise, pose(0)))


def test_edges_mix_in_the_other_point(grid: ViewGrid, noise: np.ndarray, pose: Any) -> None:
    pixel = np.array([3, 28 * 56 + 28], np.int32)
    points = grid.points[:3, [900, 1900]].copy()
    plain = look_up(grid, noise, pose(10))
    view = sample_view(
        *(grid.points, grid.head_mask, with_border(noise), pose(10), cubic_weights()),
        edges=Edges(pixel, points, np.array([255, 64], np.uint8)),
    )
    flat, original = view.reshape(-1, 3).astype(float), plain.reshape(-1, 3).astype(float)
    np.testing.assert_array_equal(flat[3], original[900])
    np.testing.assert_allclose(flat[pixel[1]], 0.75 * original[pixel[1]] + 0.25 * original[1900], atol=1)
    untouched = np.delete(np.arange(56 * 56), pixel)
    np.testing.assert_array_equal(flat[untouched], original[untouched])
