from typing import Any

import cv2
import numpy as np
import pytest

from render_core.source import Source, blur_beyond, prepare_source, with_border
from render_core.view import pixels_per_mm


def place(projection: np.ndarray, point: np.ndarray) -> np.ndarray:
    u, v, depth = projection @ [*point, 1.0]
    return np.array([u, v]) / depth


@pytest.mark.parametrize("angles", [(0, 0, 0), (40, -20, 30)])
def test_pixels_per_millimetre_is_focal_length_over_depth(pose: Any, angles: tuple[int, int, int]) -> None:
    assert np.isclose(pixels_per_mm(pose(*angles, size=400)), 2600 / 2600)
    shifted = pose(*angles, size=800).copy()
    shifted[:, 3] += 300 * shifted[2, 3] * np.array([1, 1, 0])
    assert np.isclose(pixels_per_mm(shifted), 2.0, rtol=0.01)


def test_a_photo_of_the_right_scale_is_only_cut(noise: np.ndarray, pose: Any) -> None:
    P = pose(10)
    source = prepare_source(noise, P, pixels_per_mm(P), (40.0, 50.0, 90.0, 80.0))
    height, width = source.image.shape[:2]
    assert 50 <= width < 70 and 30 <= height < 50
    point = np.array([10.0, 5.0, -40.0])
    left, top = np.rint(place(P, point) - place(source.projection, point)).astype(int)
    np.testing.assert_array_equal(source.image, noise[top : top + height, left : left + width])


def test_a_photo_that_is_too_fine_is_shrunk_without_a_shift(pose: Any) -> None:
    """A disc in a photo of 1600 px lies where its point projects to, before and after."""
    P = pose(0, size=1600)
    point = np.array([20.0, -30.0, -50.0])
    x, y = place(P, point)
    rows, columns = np.mgrid[0:1600, 0:1600]
    photo = np.where(np.hypot(columns - x, rows - y) < 40, 255, 0).astype(np.uint8)
    source = prepare_source(np.dstack([photo] * 3), P, 0.5, (100.0, 150.0, 1500.0, 1400.0))
    assert source.image.shape[1] < 300
    mass = source.image[..., 0].astype(float)
    rows, columns = np.mgrid[0 : mass.shape[0], 0 : mass.shape[1]]
    centre = np.array([(columns * mass).sum(), (rows * mass).sum()]) / mass.sum()
    np.testing.assert_allclose(centre, place(source.projection, point), atol=0.05)


def test_shrinking_averages_what_would_alias(pose: Any) -> None:
    """Single black and white lines become grey, not a moire."""
    stripes = np.zeros((1600, 1600, 3), np.uint8)
    stripes[:, ::2] = 255
    source = prepare_source(stripes, pose(0, size=1600), 0.5, (0.0, 0.0, 1599.0, 1599.0))
    assert np.abs(source.image.astype(float) - 127.5).max() < 30


@pytest.mark.parametrize("bounds", [(-500.0, -500.0, -400.0, -400.0), (900.0, 10.0, 950.0, 60.0)])
def test_at_least_a_pixel_remains(noise: np.ndarray, pose: Any, bounds: Any) -> None:
    assert min(prepare_source(noise, pose(0), 1.0, bounds).image.shape[:2]) >= 1


def test_beyond_the_photo_its_edge_goes_on_and_loses_detail(noise: np.ndarray) -> None:
    source = Source(noise, np.eye(3, 4))
    wider = blur_beyond(source, np.eye(3), (-80.0, 0.0, 199.0, 260.0))
    assert wider.image.shape[:2] == (261, 280)
    np.testing.assert_array_equal(wider.image[:200, 80:], source.image)
    np.testing.assert_array_equal(wider.projection[:, 3], [0.0, 0.0, 0.0])
    np.testing.assert_allclose(wider.projection @ [0.0, 0.0, 1.0, 1.0], [80.0, 0.0, 1.0])
    near, far = (cv2.Sobel(wider.image[:200, x].astype(np.float32), -1, 0, 1).std() for x in (79, 30))
    assert far < 0.4 * near
    # No seam: the first column beyond is as near to the edge as neighbours inside.
    assert np.abs(wider.image[:200, 79].astype(float) - wider.image[:200, 80]).mean() < 5


def test_nothing_is_added_where_the_photo_suffices(noise: np.ndarray) -> None:
    source = Source(noise, np.eye(3, 4))
    assert blur_beyond(source, np.eye(3), (5.0, 5.0, 150.0, 199.0)) is source


def test_the_border_goes_on_with_the_edge_or_is_black(noise: np.ndarray) -> None:
    edge, black = with_border(noise), with_border(noise, black=True)
    np.testing.assert_array_equal(edge[3:-4, 3:-4, :3], noise)
    np.testing.assert_array_equal(edge[0, 0, :3], noise[0, 0])
    np.testing.assert_array_equal(edge[-1, 3:-4, :3], noise[-1])
    assert black[:3].max() == black[-4:, :, :3].max() == black[:, -4:, :3].max() == 0


def test_the_fourth_channel_is_the_photo(noise: np.ndarray) -> None:
    alpha = with_border(noise, alpha=True)[:, :, 3]
    assert (alpha[3:-4, 3:-4] == 255).all() and alpha.sum() == 255 * noise.shape[0] * noise.shape[1]
