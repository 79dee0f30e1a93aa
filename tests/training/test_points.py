import numpy as np
import pytest

from fpn_core import geodesic_deg, points_to_pose, ypr_deg_to_matrix
from tests.training.faces import CAMERA, HEAD_MM
from training.crops import SIDE_PX
from training.points import measure_points

# As deep again by a fifth, about its middle.
DEEP_MM = HEAD_MM.mean(axis=0) + (HEAD_MM - HEAD_MM.mean(axis=0)) * [1, 1, 1.2]


@pytest.fixture(scope="module")
def seen():
    """Rotations, and the landmarks of a deeper head than ours turned by them."""
    rng = np.random.default_rng(3)
    rotation = ypr_deg_to_matrix(rng.uniform(-1, 1, (300, 3)) * [60, 25, 20])
    tvec_mm = np.array([0, 0, 4300.0]) + rng.normal(0, [20, 20, 200], (300, 3))
    points = np.einsum("nij,mj->nmi", rotation, DEEP_MM) + tvec_mm[:, None]
    return rotation, CAMERA[0, 0] * points[:, :, :2] / points[:, :, 2:] + CAMERA[:2, 2]


def test_the_points_of_a_deeper_head_are_found(seen):
    rotation, landmarks_px = seen
    found = measure_points(landmarks_px, rotation, np.ones(len(rotation)))
    # Its eyes are as far apart and its middle is where ours is.
    np.testing.assert_allclose(found, DEEP_MM, atol=0.2)


def test_landmarks_and_labels_that_are_wrong_move_them_little(seen):
    rotation, landmarks_px = seen
    rng = np.random.default_rng(4)
    spoiled = landmarks_px + rng.normal(0, 0.8, landmarks_px.shape)
    spoiled[:30] += rng.normal(0, 15, (30, 68, 2))
    found = measure_points(spoiled, rotation, np.ones(len(rotation)))
    assert np.linalg.norm(found - DEEP_MM, axis=1).mean() < 1.0


def test_poses_fitted_with_them_are_not_turned_too_far(seen):
    rotation, landmarks_px = seen
    windows = np.tile([[0, 0, SIDE_PX, SIDE_PX]], (len(rotation), 1))
    found = measure_points(landmarks_px, rotation, np.ones(len(rotation)))
    errors = [
        np.median(geodesic_deg(points_to_pose(landmarks_px, points, windows).rotation, rotation))
        for points in (HEAD_MM, found)
    ]
    assert errors[0] > 2
    assert errors[1] < 0.2
