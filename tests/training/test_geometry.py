import numpy as np
import pytest

from fpn_core import FPN_227, geodesic_deg, points_to_pose, project, projection_to_image, ypr_deg_to_matrix
from fpn_core.camera import mirror_pose
from tests.training.faces import CAMERA, HEAD_MM, TVEC_MM, projected
from training.crops import SIDE_PX
from training.geometry import (
    MIRRORED_LANDMARKS,
    REFERENCE_PX,
    fit_translation,
    mirrored_labels,
    pose_under_similarity,
    scaled_camera,
)

ROTATION = ypr_deg_to_matrix(np.array([[25.0, -12.0, 8.0]]))[0]


def test_the_camera_of_the_reference_crop_is_that_of_the_pose_network():
    np.testing.assert_allclose(scaled_camera(REFERENCE_PX), FPN_227.matrix)


def test_the_scaled_camera_projects_as_the_reference_camera_on_the_crops_window():
    window = np.array([[0, 0, SIDE_PX, SIDE_PX]])
    wanted = project(HEAD_MM, projection_to_image(ROTATION[None], TVEC_MM[None], window))[0]
    np.testing.assert_allclose(projected(ROTATION), wanted, atol=1e-9)


def test_mirrored_landmarks_are_where_the_mean_head_has_its_twins():
    assert sorted(MIRRORED_LANDMARKS) == list(range(68))
    twins = HEAD_MM[MIRRORED_LANDMARKS] * [-1, 1, 1]
    # The mean head is its own mirror image but for tenths of a millimetre.
    np.testing.assert_allclose(twins, HEAD_MM, atol=1.0)


def test_a_translation_is_found_again_from_exact_points():
    found = fit_translation(ROTATION[None], projected(ROTATION)[None], HEAD_MM, CAMERA)[0]
    np.testing.assert_allclose(found, TVEC_MM, rtol=1e-9)


def test_a_translation_is_found_from_the_points_that_are_known():
    points = np.tile(projected(ROTATION), (3, 1, 1))
    points[0, 5:40] = np.nan
    points[1, 2:] = np.nan
    points[2, 1:] = np.nan
    found = fit_translation(np.tile(ROTATION, (3, 1, 1)), points, HEAD_MM, CAMERA)
    np.testing.assert_allclose(found[:2], [TVEC_MM, TVEC_MM], rtol=1e-6)
    assert np.isnan(found[2]).all()


@pytest.mark.parametrize("angle_deg", [0.0, 35.0, 180.0, -90.0])
@pytest.mark.parametrize("scale", [0.8, 1.9])
def test_a_pose_follows_its_crop(angle_deg, scale):
    """The moved pose projects where the pixels moved, and is what a fit to the moved points finds."""
    angle = np.deg2rad(angle_deg)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (SIDE_PX - 1) / 2
    similarity = np.column_stack(
        [linear, (REFERENCE_PX - 1) / 2 + np.array([15, -25]) - linear @ [middle, middle]]
    )
    after = scaled_camera(REFERENCE_PX)
    rotation, tvec_mm = pose_under_similarity(ROTATION, TVEC_MM, CAMERA, similarity, after)
    moved = projected(ROTATION) @ similarity[:, :2].T + similarity[:, 2]
    # What is left is the perspective of another distance: 60 mm of 2300.
    np.testing.assert_allclose(projected(rotation, tvec_mm, after), moved, atol=1.5)
    fitted = points_to_pose(moved[None], HEAD_MM, np.array([[0, 0, REFERENCE_PX, REFERENCE_PX]]))
    assert geodesic_deg(fitted.rotation, rotation[None])[0] < 1.0


def test_a_pose_stays_when_nothing_moves():
    rotation, tvec_mm = pose_under_similarity(ROTATION, TVEC_MM, CAMERA, np.eye(2, 3), CAMERA)
    np.testing.assert_allclose(rotation, ROTATION, atol=1e-12)
    np.testing.assert_allclose(tvec_mm, TVEC_MM, rtol=1e-12)


def test_mirrored_labels_are_those_of_the_pose_core():
    rotation, tvec_mm, points = mirrored_labels(ROTATION, TVEC_MM, projected(ROTATION), SIDE_PX, CAMERA)
    wanted = mirror_pose(ROTATION[None], TVEC_MM[None])
    np.testing.assert_allclose(rotation, wanted[0][0], atol=1e-12)
    np.testing.assert_allclose(tvec_mm, wanted[1][0], rtol=1e-9)
    np.testing.assert_allclose(points, projected(rotation, tvec_mm), atol=0.3)
