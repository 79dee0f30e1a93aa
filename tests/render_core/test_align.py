from typing import Any

import cv2
import numpy as np
import pytest

from render_core.align import ARCFACE, align_face, pose_to_similarity
from render_core.errors import RenderReject
from render_core.sight import MIRROR
from render_core.template import FIVE_POINTS_MM, named_template


def eyes(P: np.ndarray) -> np.ndarray:
    homogeneous = FIVE_POINTS_MM[:2] @ P[:, :3].T + P[:, 3]
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


@pytest.mark.parametrize("roll", [0, 30, -120])
def test_a_frontal_face_at_any_roll_lands_on_the_template(pose: Any, roll: int) -> None:
    P = pose(0, 0, roll)
    to_crop = pose_to_similarity(P)
    placed = eyes(P) @ to_crop[:, :2].T + to_crop[:, 2]
    # Our head's proportions are not quite the template's.
    np.testing.assert_allclose(placed, ARCFACE.points[:2], atol=5)
    assert abs(placed[0, 1] - placed[1, 1]) < 1


def test_it_is_a_similarity(pose: Any) -> None:
    linear = pose_to_similarity(pose(40, 10, 20))[:, :2]
    scale = np.sqrt(np.linalg.det(linear))
    np.testing.assert_allclose(linear.T @ linear, scale**2 * np.eye(2), atol=1e-9)


def test_other_sizes_show_the_same(pose: Any) -> None:
    small, large = (pose_to_similarity(pose(20), ARCFACE.scaled(size)) for size in (112, 224))
    point = np.array([90.0, 110.0])
    at_small, at_large = (m[:, :2] @ point + m[:, 2] for m in (small, large))
    np.testing.assert_allclose(2 * (at_small + 0.5), at_large + 0.5)


def test_the_mirrored_crop_is_the_crop_of_the_mirrored_photo(noise: np.ndarray, pose: Any) -> None:
    P = pose(-30, 5, 25)
    F = np.array([[-1.0, 0, 199], [0, 1, 0], [0, 0, 1]])
    by_flag = align_face(noise, P, mirrored=True)
    by_hand = align_face(np.ascontiguousarray(noise[:, ::-1]), F @ P @ MIRROR)
    # OpenCV 4 rounds positions to 1/32 px, on other sides of a pixel in the mirrored photo.
    assert np.abs(by_flag.image.astype(int) - by_hand.image.astype(int)).mean() < 1.5


def test_a_large_photo_is_averaged(pose: Any) -> None:
    """Lines of one pixel in a photo of 2000 px become an even grey."""
    lines = np.zeros((2000, 2000, 3), np.uint8)
    lines[::2] = 255
    crop = align_face(lines, pose(0, size=2000)).image
    assert abs(crop[30:90, 30:90].mean() - 127.5) < 3
    assert crop[30:90, 30:90].std() < 12


def test_a_mark_moves_where_the_map_says(pose: Any) -> None:
    photo = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(photo, (95, 110), 3, (255, 255, 255), -1)
    face = align_face(photo, pose(10, 0, 30))
    x, y = face.image_to_crop @ [95, 110, 1]
    centre = np.argwhere(face.image[..., 0] > 128).mean(axis=0)
    np.testing.assert_allclose(centre, [y, x], atol=0.5)


def test_impossible_poses_are_rejects(noise: np.ndarray, pose: Any) -> None:
    behind = pose(0).copy()
    behind[:, 3] -= 2630 * behind[:, 2]
    for P, reason in ((np.full((3, 4), np.nan), "pose_not_finite"), (behind, "pose_behind_camera")):
        with pytest.raises(RenderReject) as reject:
            align_face(noise, P)
        assert reject.value.reason == reason


def test_a_head_that_the_camera_is_inside_of_is_a_reject(noise: np.ndarray, pose: Any) -> None:
    """The head's origin lies before the camera, and an eye behind it."""
    inside = pose(0).copy()
    inside[:, 3] -= (2630 - 60) * inside[:, 2]
    inside[2, 3] = 20.0
    with pytest.raises(RenderReject, match="a part of the face lies at or behind the camera"):
        align_face(noise, inside)


def test_the_crop_shows_the_photo_as_it_is(pose: Any) -> None:
    """A mark on the left of the photo is on the left of the crop, whichever way the face looks."""
    photo = np.zeros((200, 200, 3), np.uint8)
    photo[:, :100] = 255
    for yaw in (-60, -5, 5, 60):
        as_it_is = align_face(photo, pose(yaw)).image
        assert as_it_is[:, :20].mean() > as_it_is[:, -20:].mean() + 150
        mirrored = align_face(photo, pose(yaw), mirrored=True).image
        assert mirrored[:, -20:].mean() > mirrored[:, :20].mean() + 150


@pytest.mark.parametrize("name", ["arcface", "arcface-96x112", "ffhq"])
@pytest.mark.parametrize("margin", [-0.1, 0.0, 0.3])
def test_every_template_gets_the_points_where_it_says(pose: Any, name: str, margin: float) -> None:
    template = named_template(name).scaled(224).with_margin(margin)
    P = pose(10, 5, 30)
    crop = align_face(np.zeros((200, 200, 3), np.uint8), P, template)
    assert crop.image.shape == (224, template.size_wh_px[0], 3)
    placed = eyes(P) @ crop.image_to_crop[:, :2].T + crop.image_to_crop[:, 2]
    # The template's proportions are not those of a head seen from 10 degrees to the side.
    np.testing.assert_allclose(placed, template.points[:2], atol=10)
