"""Every form of an output becomes rotations and translations, against SciPy's own rotations."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fpn_core import (
    FPN_227,
    geodesic_deg,
    head_rotation_to_aflw,
    matrix_to_rvec,
    matrix_to_ypr_deg,
    project,
    projection_to_image,
    ypr_deg_to_matrix,
)
from fpn_core.forms import (
    ROTATION_FORMS,
    ROTATION_FORMS_IN_WORDS,
    TRANSLATION_FORMS,
    to_head_rotation,
)

ROTATION = Rotation.random(50, random_state=7).as_matrix()
NAMED = {
    "matrix": ROTATION,
    "rvec": matrix_to_rvec(ROTATION),
    "6d_columns": np.concatenate([2 * ROTATION[:, :, 0], ROTATION[:, :, 1] + ROTATION[:, :, 0]], axis=1),
    "6d_rows": np.concatenate([ROTATION[:, 0], 0.1 * ROTATION[:, 1] - ROTATION[:, 0]], axis=1),
    "quaternion_xyzw": -3 * Rotation.from_matrix(ROTATION).as_quat(),
    "quaternion_wxyz": np.roll(Rotation.from_matrix(ROTATION).as_quat(), 1, axis=1),
    "ypr_deg": matrix_to_ypr_deg(ROTATION),
    "aflw_pyr_deg": head_rotation_to_aflw(ROTATION),
}


def scipy_euler(form):
    """The name of the form, read by SciPy: capital letters are intrinsic turns there."""
    _, order, axes, unit = form.split("_")
    sequence = axes.upper() if order == "intrinsic" else axes
    return Rotation.from_matrix(ROTATION).as_euler(sequence, degrees=unit == "deg")


ENCODED = NAMED | {form: scipy_euler(form) for form in ROTATION_FORMS if form.startswith("euler_")}


def test_every_form_has_its_example_here_and_is_listed_in_words():
    assert set(ENCODED) == set(ROTATION_FORMS)
    assert len(ENCODED) == len(NAMED) + 12 * 2 * 2
    assert set(TRANSLATION_FORMS) == {"tvec_mm", "weak_perspective"}
    assert all(name in ROTATION_FORMS_IN_WORDS.split(" | ") for name in NAMED)


@pytest.mark.parametrize("form", ENCODED)
def test_rotation_is_read_to_1e_5_and_no_rows_are_fine(form):
    encoded = ENCODED[form]
    assert encoded.shape[1:] == ROTATION_FORMS[form].shape
    decoded = ROTATION_FORMS[form].to_matrix(encoded)
    np.testing.assert_allclose(decoded, ROTATION, atol=1e-9)
    # Networks tell float32, of which 180 degrees hold 1.5e-5 degrees.
    np.testing.assert_allclose(
        ROTATION_FORMS[form].to_matrix(encoded.astype(np.float32)), ROTATION, atol=1e-5
    )
    assert ROTATION_FORMS[form].to_matrix(encoded[:0]).shape == (0, 3, 3)


@pytest.mark.parametrize("form", ENCODED)
def test_nan_spoils_its_own_row_only(form):
    encoded = ENCODED[form][:2].astype(np.float32)
    encoded[0].flat[1] = np.nan
    lost = np.isnan(ROTATION_FORMS[form].to_matrix(encoded)).any(axis=(1, 2))
    assert lost.tolist() == [True, False]


@pytest.mark.parametrize("form", ["6d_columns", "6d_rows", "quaternion_wxyz", "quaternion_xyzw", "matrix"])
def test_numbers_that_are_no_rotation_are_nan(form):
    assert np.isnan(ROTATION_FORMS[form].to_matrix(np.zeros((1, *ROTATION_FORMS[form].shape)))).all()


def test_six_numbers_of_parallel_columns_are_no_rotation():
    assert np.isnan(ROTATION_FORMS["6d_columns"].to_matrix(np.array([[1.0, 2, 3, 2, 4, 6]]))).all()


def test_own_angles_are_the_intrinsic_zyx_of_the_general_form():
    ypr = NAMED["ypr_deg"]
    np.testing.assert_allclose(
        ROTATION_FORMS["euler_intrinsic_zyx_deg"].to_matrix(ypr[:, [2, 0, 1]]), ROTATION, atol=1e-9
    )


def test_aflw_angles_are_general_forms_in_axes_with_y_up():
    pyr = NAMED["aflw_pyr_deg"]
    told = ROTATION_FORMS["euler_intrinsic_xyz_deg"].to_matrix(-pyr)
    np.testing.assert_allclose(to_head_rotation(told, "y_up", "head_to_camera"), ROTATION, atol=1e-9)
    told = ROTATION_FORMS["euler_intrinsic_zyx_deg"].to_matrix(pyr[:, ::-1])
    np.testing.assert_allclose(to_head_rotation(told, "y_up", "camera_to_head"), ROTATION, atol=1e-9)


def test_axes_with_y_up_turn_the_nose_as_a_viewer_sees_it():
    # In axes with y up a right-handed turn about y moves what is near to the viewer to the right.
    told = ROTATION_FORMS["euler_intrinsic_xyz_deg"].to_matrix(np.array([[0.0, 20.0, 0.0]]))
    head = to_head_rotation(told, "y_up", "head_to_camera")
    assert (head[0] @ [0, 0, -55])[0] > 15
    np.testing.assert_allclose(matrix_to_ypr_deg(head), [[-20, 0, 0]], atol=1e-9)


def test_translation_in_mm_is_taken_as_it_is():
    values = np.array([[1, 2, 3000]], np.float32)
    np.testing.assert_array_equal(TRANSLATION_FORMS["tvec_mm"].to_tvec_mm(values, FPN_227), values)


def weak_pixels(points_mm, rotation, scale_x_y):
    scale, x, y = scale_x_y
    return scale * (points_mm @ rotation.T)[:, :2] + [x, y]


SCALE_X_Y = np.array([[0.8, 100.0, 120.0], [1.2, 113.0, 90.0], [0.5, 60.0, 200.0]])
WHOLE_CROP = np.array([[0, 0, 227, 227]] * 3)
HEAD_MM = 60 * np.array([[0, 0, 0], [0, 0, -1], [1, 0, 0], [0, 1, 0], [-0.6, 0.4, -0.7]], float)


def reprojection_px(ypr_deg, camera):
    rotation = ypr_deg_to_matrix(np.array(ypr_deg, float))
    tvec = TRANSLATION_FORMS["weak_perspective"].to_tvec_mm(SCALE_X_Y, camera)
    seen = project(HEAD_MM, projection_to_image(rotation, tvec, WHOLE_CROP, camera))
    told = np.stack([weak_pixels(HEAD_MM, r, v) for r, v in zip(rotation, SCALE_X_Y, strict=True)])
    return np.linalg.norm(seen - told, axis=2)


def test_weak_perspective_holds_the_origin_exactly_and_the_head_to_a_few_pixels():
    error = reprojection_px([[0, 0, 0], [40, -20, 10], [-80, 30, -50]], FPN_227)
    np.testing.assert_allclose(error[:, 0], 0, atol=1e-9)
    # Perspective enlarges what is z nearer by z / distance: at 1.2 pixels per mm, 60 mm on 2400.
    assert error.max() < 60 * 1.2 * 60 * 1.2 / 2880
    assert error.max() > 0.5, "the test would not see a wrong distance"


def test_weak_perspective_becomes_exact_with_the_focal_length():
    far = replace(FPN_227, focal_px=(2.88e8, 2.88e8))
    assert reprojection_px([[0, 0, 0], [40, -20, 10], [-80, 30, -50]], far).max() < 1e-4


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan])
def test_scale_that_shows_no_head_is_nan(scale):
    values = np.array([[scale, 1.0, 2.0], [1.0, 1.0, 2.0]])
    lost = np.isnan(TRANSLATION_FORMS["weak_perspective"].to_tvec_mm(values, FPN_227)).any(axis=1)
    assert lost.tolist() == [True, False]


def test_rotation_error_of_the_forms_in_degrees():
    decoded = ROTATION_FORMS["rvec"].to_matrix(ENCODED["rvec"].astype(np.float32))
    assert geodesic_deg(decoded, ROTATION).max() < 1e-4
