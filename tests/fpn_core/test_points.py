"""Poses from points: there and back, with noise, from profile, and past the mirror solutions."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpn_core import (
    FPN_227,
    GeometryError,
    geodesic_deg,
    points_to_pose,
    project,
    projection_to_image,
    ypr_deg_to_matrix,
)

RNG = np.random.default_rng(0)
# As deep as the landmarks of a head are, but of no particular shape.
HEAD_MM = RNG.uniform([-70, -60, -55], [70, 70, 25], (68, 3))
WINDOW = np.array([[60, 75, 329, 344]])


def seen(ypr_deg, tvec_mm, points_mm=HEAD_MM, window=WINDOW):
    rotation, tvec = ypr_deg_to_matrix(np.array(ypr_deg, float)), np.array(tvec_mm, float)
    windows = np.repeat(window, len(rotation), axis=0)
    return rotation, tvec, windows, project(points_mm, projection_to_image(rotation, tvec, windows))


def assert_same(poses, rotation, tvec_mm, degrees=1e-5, mm=1e-3):
    assert geodesic_deg(poses.rotation, rotation).max() < degrees
    np.testing.assert_allclose(poses.tvec_mm, tvec_mm, atol=mm)


@given(
    st.floats(-89, 89),
    st.floats(-60, 60),
    st.floats(-180, 180),
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.floats(600, 6000),
)
def test_pose_survives_the_points(yaw, pitch, roll, x, y, z):
    rotation, tvec, windows, points = seen([[yaw, pitch, roll]], [[x, y, z]])
    assert_same(points_to_pose(points, HEAD_MM, windows), rotation, tvec)


def test_batches_and_windows_of_their_own():
    ypr = RNG.uniform([-80, -40, -90], [80, 40, 90], (40, 3))
    rotation = ypr_deg_to_matrix(ypr)
    tvec = RNG.uniform([-30, -30, 1500], [30, 30, 4000], (40, 3))
    corner = RNG.integers(-50, 300, (40, 2))
    windows = np.concatenate([corner, corner + RNG.integers(50, 500, (40, 1))], axis=1)
    points = project(HEAD_MM, projection_to_image(rotation, tvec, windows))
    assert_same(points_to_pose(points, HEAD_MM, windows), rotation, tvec)
    assert len(points_to_pose(points[:0], HEAD_MM, windows[:0])) == 0


def test_flat_heads_are_told_from_their_mirror_images():
    """Points 5 mm deep on 140 mm: a first guess and its mirror image in depth look nearly the same."""
    shallow = HEAD_MM * [1, 1, 0.06]
    ypr = [[yaw, pitch, 0.0] for yaw in (-60, -30, 0, 30, 60) for pitch in (-30, -5, 20)]
    rotation, tvec, windows, points = seen(ypr, [[5, -8, 900]] * len(ypr), shallow)
    assert_same(points_to_pose(points, shallow, windows), rotation, tvec, degrees=1e-3, mm=0.1)


def test_noise_moves_the_pose_a_little_and_never_behind_the_camera():
    ypr = RNG.uniform([-80, -40, -90], [80, 40, 90], (200, 3))
    rotation, _, windows, points = seen(ypr, [[0, 0, 2800]] * 200)
    noisy = points_to_pose(points + RNG.normal(0, 1.5, points.shape), HEAD_MM, windows)
    assert noisy.in_front.all()
    # Measured: 0.6 degrees on average, 1.6 at most.
    error = geodesic_deg(noisy.rotation, rotation)
    assert error.mean() < 0.7 and error.max() < 2


def test_points_of_no_head_still_give_no_pose_behind_the_camera():
    points = RNG.uniform(0, 400, (300, 68, 2))
    poses = points_to_pose(points, HEAD_MM, np.repeat(WINDOW, 300, axis=0))
    assert poses.finite.all() and poses.in_front.all()
    deepest = (HEAD_MM @ np.swapaxes(poses.rotation, 1, 2) + poses.tvec_mm[:, None])[:, :, 2]
    assert deepest.min() > 0
    np.testing.assert_allclose(np.linalg.det(poses.rotation), 1, atol=1e-9)


def test_error_is_no_larger_than_that_of_opencv():
    ypr = RNG.uniform([-70, -30, -40], [70, 30, 40], (20, 3))
    _, _, windows, points = seen(ypr, [[0, 0, 2500]] * 20, window=np.array([[0, 0, 227, 227]]))
    points = points + RNG.normal(0, 2, points.shape)
    poses = points_to_pose(points, HEAD_MM, windows)
    for row in range(20):
        _, rvec, tvec = cv2.solvePnP(HEAD_MM, points[row], FPN_227.matrix, None, flags=cv2.SOLVEPNP_SQPNP)
        rvec, tvec = cv2.solvePnPRefineLM(HEAD_MM, points[row], FPN_227.matrix, None, rvec, tvec)
        theirs = cv2.projectPoints(HEAD_MM, rvec, tvec, FPN_227.matrix, None)[0][:, 0]
        ours = project(
            HEAD_MM, projection_to_image(poses.rotation[row:][:1], poses.tvec_mm[row:][:1], windows[:1])
        )[0]
        assert np.linalg.norm(ours - points[row]) <= np.linalg.norm(theirs - points[row]) * (1 + 1e-6)


def test_rows_that_are_no_points_are_nan():
    _, _, windows, points = seen([[10, 5, 0]] * 4, [[0, 0, 2800]] * 4)
    points[1, 3, 0], points[2] = np.nan, 100.0
    assert points_to_pose(points, HEAD_MM, windows).finite.tolist() == [True, False, False, True]


@pytest.mark.parametrize("points_mm", [HEAD_MM[:5], HEAD_MM * [1, 1, 0], HEAD_MM * [0, 1, 0]])
def test_points_that_fix_no_pose_are_refused(points_mm):
    with pytest.raises(GeometryError, match="at least 6 that are not in one plane"):
        points_to_pose(np.zeros((1, len(points_mm), 2)), points_mm, WINDOW)
