"""Forms of rotations: identities between them, and the signs as a viewer of the picture sees them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpn_core.rotation import (
    aflw_to_head_rotation,
    geodesic_deg,
    head_rotation_to_aflw,
    matrix_to_rvec,
    matrix_to_ypr_deg,
    nearest_rotation,
    rvec_to_matrix,
    ypr_deg_to_matrix,
)

# Head frame, mm: x to the right of the image, y down, z away from the camera.
NOSE_TIP = np.array([0.0, 0.0, -55.0])
CHIN = np.array([0.0, 65.0, -30.0])
EYE_RIGHT_IN_IMAGE = np.array([32.0, -30.0, -30.0])

angles = st.floats(-180, 180)
yaws = st.floats(-89.9, 89.9)
coordinates = st.floats(-10, 10)


def seen_at(point_mm, ypr_deg):
    """Where a far camera sees the point: (x to the right, y down)."""
    return (ypr_deg_to_matrix(np.array([ypr_deg]))[0] @ point_mm)[:2]


def random_rotations(n):
    rng = np.random.default_rng(3)
    return nearest_rotation(rng.normal(size=(n, 3, 3)))


def test_positive_yaw_turns_the_nose_to_the_left_of_the_image():
    assert seen_at(NOSE_TIP, (30.0, 0.0, 0.0))[0] < -20
    assert seen_at(NOSE_TIP, (-30.0, 0.0, 0.0))[0] > 20


def test_positive_pitch_lowers_the_nose_and_raises_nothing_else_in_its_place():
    assert seen_at(NOSE_TIP, (0.0, 30.0, 0.0))[1] > 20
    assert seen_at(NOSE_TIP, (0.0, -30.0, 0.0))[1] < -20


def test_positive_roll_is_clockwise_in_the_image():
    # Clockwise: the chin, below, goes to the left; the eye at the right goes down.
    assert seen_at(CHIN, (0.0, 0.0, 30.0))[0] < -20
    assert seen_at(EYE_RIGHT_IN_IMAGE, (0.0, 0.0, 30.0))[1] > EYE_RIGHT_IN_IMAGE[1] + 10


def test_yaw_is_minus_the_arc_sine_of_the_lower_left_entry():
    rotation = random_rotations(100)
    np.testing.assert_allclose(
        matrix_to_ypr_deg(rotation)[:, 0], np.rad2deg(-np.arcsin(rotation[:, 2, 0])), atol=1e-9
    )


@given(yaws, angles, angles)
def test_angles_survive_the_matrix(yaw, pitch, roll):
    ypr = np.array([[yaw, pitch, roll]])
    rotation = ypr_deg_to_matrix(ypr)
    np.testing.assert_allclose(rotation[0] @ rotation[0].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(ypr_deg_to_matrix(matrix_to_ypr_deg(rotation)), rotation, atol=1e-9)


@pytest.mark.parametrize("yaw", [90.0, -90.0])
@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (20, 0), (0, -50), (170, 30)])
def test_matrix_survives_the_angles_at_full_profile(yaw, pitch, roll):
    rotation = ypr_deg_to_matrix(np.array([[yaw, pitch, roll]], float))
    ypr = matrix_to_ypr_deg(rotation)
    assert ypr[0, 0] == pytest.approx(yaw) and ypr[0, 2] == 0
    np.testing.assert_allclose(ypr_deg_to_matrix(ypr), rotation, atol=1e-9)


@given(coordinates, coordinates, coordinates)
def test_matrix_survives_the_rotation_vector(x, y, z):
    rotation = rvec_to_matrix(np.array([[x, y, z]]))
    assert np.linalg.det(rotation[0]) == pytest.approx(1)
    back = matrix_to_rvec(rotation)
    assert np.linalg.norm(back) <= np.pi + 1e-12
    np.testing.assert_allclose(rvec_to_matrix(back), rotation, atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 1e-15, 1e-9, 1e-4, 1.0, np.pi - 1e-4, np.pi - 1e-9, np.pi - 1e-15])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (-1, 2, -3)])
def test_rotation_vector_survives_the_matrix_near_0_and_pi(angle, axis):
    rvec = angle * np.array([axis]) / np.linalg.norm(axis)
    back = matrix_to_rvec(rvec_to_matrix(rvec))
    # At pi both signs of the axis are the same turn.
    assert min(np.abs(back - rvec).max(), np.abs(back + rvec).max() if angle > 3.1415926 else 9) < 1e-12


def test_known_rotation_vector():
    # A quarter turn about x takes y to z.
    np.testing.assert_allclose(
        rvec_to_matrix(np.array([[np.pi / 2, 0, 0]]))[0] @ [0, 1, 0], [0, 0, 1], atol=1e-15
    )


@given(angles, yaws)
def test_geodesic_is_the_angle_of_the_turn_between(roll, yaw):
    a = ypr_deg_to_matrix(np.array([[yaw, 10.0, 0.0]]))
    b = ypr_deg_to_matrix(np.array([[0.0, 0.0, roll]])) @ a
    assert geodesic_deg(a, b)[0] == pytest.approx(abs(roll), abs=1e-6)


def test_nearest_rotation_keeps_rotations_mends_scale_and_noise_and_marks_nan():
    rotation = random_rotations(5)
    np.testing.assert_allclose(nearest_rotation(rotation), rotation, atol=1e-12)
    np.testing.assert_allclose(nearest_rotation(1.3 * rotation), rotation, atol=1e-12)
    reflection = nearest_rotation(np.diag([1.0, 1.0, -0.9])[None])
    assert np.linalg.det(reflection[0]) == pytest.approx(1)
    rotation[2, 0, 0], rotation[3] = np.nan, 0
    lost = np.isnan(nearest_rotation(rotation)).all(axis=(1, 2))
    assert lost.tolist() == [False, False, True, True, False]


@given(angles, yaws, angles)
def test_aflw_angles_survive_the_rotation(pitch, yaw, roll):
    rotation = aflw_to_head_rotation(np.array([pitch]), np.array([yaw]), np.array([roll]))
    p, y, r = head_rotation_to_aflw(rotation).T
    np.testing.assert_allclose(aflw_to_head_rotation(p, y, r), rotation, atol=1e-9)
    np.testing.assert_allclose(y, yaw, atol=1e-9)


def test_aflw_rotation_is_the_published_definition():
    p, y, r = np.deg2rad([20.0, -35.0, 50.0])
    rx = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])  # by -pitch
    ry = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])  # by -yaw
    rz = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])  # by -roll
    flip = np.diag([1.0, -1.0, -1.0])
    rotation = aflw_to_head_rotation(np.array([20.0]), np.array([-35.0]), np.array([50.0]))
    np.testing.assert_allclose(rotation[0], flip @ rx @ ry @ rz @ flip, atol=1e-12)


# Rough places of six points of a grown head, mm: nose tip, chin, outer eye corners, mouth corners, by their
# numbers in 300-W's order. Only their gross layout matters here.
SIX_OF_68 = [30, 8, 36, 45, 48, 54]
SIX_POINTS_MM = np.array(
    [[0, 0, -55], [0, 62, -35], [-45, -33, -12], [45, -33, -12], [-26, 30, -32], [26, 30, -32]], float
)


def layout_error(rotation, seen_px):
    """Residual of a scaled orthographic fit of the six points with this rotation, per their spread."""
    turned = (SIX_POINTS_MM @ rotation.T)[:, :2]
    turned, seen = turned - turned.mean(0), seen_px - seen_px.mean(0)
    scale = (turned * seen).sum() / (turned**2).sum()
    return np.sqrt(((scale * turned - seen) ** 2).sum(1).mean()) / np.sqrt((seen**2).sum(1).mean())


def test_aflw_convention_fits_the_landmarks_of_the_data_set_better_than_any_other_sign(reference):
    photos = json.loads(reference.path("eval/aflw2000/labels.json").read_text())
    angles_deg = np.array([[p["pitch_deg"], p["yaw_deg"], p["roll_deg"]] for p in photos])
    seen = np.array([np.array(p["landmarks"])[SIX_OF_68] for p in photos])
    errors = {}
    for signs in np.ndindex(2, 2, 2):
        pitch, yaw, roll = (angles_deg * (1 - 2 * np.array(signs))).T
        rotations = aflw_to_head_rotation(pitch, yaw, roll)
        errors[signs] = np.median([layout_error(r, s) for r, s in zip(rotations, seen, strict=True)])
    assert min(errors, key=errors.get) == (0, 0, 0)
    # Measured on the sixteen photos: 0.152, and 0.237 for the best wrong sign.
    assert errors[0, 0, 0] < 0.75 * sorted(errors.values())[1]


def test_signs_agree_with_an_independent_estimator(reference):
    pandas = pytest.importorskip("pandas")
    labels = pandas.read_parquet(reference.path("train/crops-labels.parquet"))
    rotation = nearest_rotation(np.stack(labels["rotation"].to_numpy()).reshape(-1, 3, 3).astype(np.float64))
    ypr = matrix_to_ypr_deg(rotation)
    for column, name in enumerate(["yaw_deg", "pitch_deg", "roll_deg"]):
        np.testing.assert_allclose(ypr[:, column], labels[name], atol=0.01)
