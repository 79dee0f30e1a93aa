from typing import Any

import cv2
import numpy as np
import pytest

from render_core.grid import ViewGrid, build_grid
from render_core.head import Head
from render_core.sampling import Lookup, sample_view
from render_core.sight import MIRROR
from render_core.source import Source
from render_core.view import view_camera

CUBIC = Lookup(cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def grid(egg: Head) -> ViewGrid:
    return build_grid(egg, view_camera(0, size_px=56))


def weights(head: float, backdrop: float, side: int = 56) -> np.ndarray:
    return np.stack([np.full((side, side), value, np.float32) for value in (head, backdrop)])


def test_a_view_of_its_own_photo_is_that_photo(grid: ViewGrid) -> None:
    """Sampled with the view's own camera every pixel lands on itself."""
    image = np.random.default_rng(0).integers(0, 256, (56, 56, 3)).astype(np.float32)
    view = sample_view(Source(image, grid.camera.projection), grid, CUBIC, None, 1)
    assert np.abs(view - image).max() <= 1


def test_levels_are_rounded_and_overshoot_is_clipped(grid: ViewGrid) -> None:
    step = np.zeros((56, 56, 3), np.float32)
    step[:, 28:] = 255.0
    half = np.full((56, 56, 3), 99.6, np.float32)
    shifted = grid.camera.projection.copy()
    shifted[0] += 0.5 * shifted[2]
    view = sample_view(Source(step, shifted), grid, CUBIC, None, 1)
    assert set(np.unique(view)) <= {0, 255, 128, 127} or view.max() == 255
    assert view[:, :20].max() == 0
    assert (sample_view(Source(half, shifted), grid, CUBIC, None, 1) == 100).all()


@pytest.mark.parametrize("cell_px", [1, 2, 4])
def test_whole_twins_are_the_other_half(grid: ViewGrid, noise: np.ndarray, pose: Any, cell_px: int) -> None:
    image = noise.astype(np.float32)
    source, twin = Source(image, pose(20)), Source(image, pose(20) @ MIRROR)
    expected = sample_view(twin, grid, CUBIC, None, 1)
    actual = sample_view(source, grid, CUBIC, weights(1.0, 1.0, 56 // cell_px), cell_px)
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= 1


def test_head_and_backdrop_have_their_own_weights(grid: ViewGrid, noise: np.ndarray, pose: Any) -> None:
    image = noise.astype(np.float32)
    source, twin = Source(image, pose(20)), Source(image, pose(20) @ MIRROR)
    direct, other = (sample_view(s, grid, CUBIC, None, 1) for s in (source, twin))
    mixed = sample_view(source, grid, CUBIC, weights(0.0, 1.0), 1)
    expected = np.where(grid.head_mask[..., None], direct, other)
    assert np.abs(mixed.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_shares_mix(grid: ViewGrid, noise: np.ndarray, pose: Any, share: float) -> None:
    image = noise.astype(np.float32)
    source, twin = Source(image, pose(20)), Source(image, pose(20) @ MIRROR)
    direct, other = (sample_view(s, grid, CUBIC, None, 1).astype(float) for s in (source, twin))
    mixed = sample_view(source, grid, CUBIC, weights(share, share), 1)
    assert np.abs(mixed - ((1 - share) * direct + share * other)).max() <= 2


def test_masks_are_sampled_as_pictures_are(grid: ViewGrid, pose: Any) -> None:
    mask = Source(np.full((200, 100), 255, np.float32), pose(0))
    view = sample_view(mask, grid, Lookup(cv2.INTER_LINEAR, cv2.BORDER_CONSTANT), None, 1)
    assert view.shape == (56, 56)
    assert view[:, :20].min() == 255 and view[:, -20:].max() == 0
