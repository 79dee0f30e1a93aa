"""Projections through crops and windows, and poses of mirrored crops."""

import numpy as np
import pytest

from fpn_core import (
    FPN_227,
    Camera,
    GeometryError,
    axes_points_mm,
    crop_to_image,
    mirror_pose,
    project,
    projection_to_crop,
    projection_to_image,
    rvec_to_matrix,
    ypr_deg_to_matrix,
)

POINTS_MM = np.array([[0, 0, -55], [0, 62, -35], [-45, -33, -12], [45, -33, -12], [0, 0, 0]], float)
ROTATION = rvec_to_matrix(np.array([[0.1, -0.4, 0.2], [0, 0, 0]]))
TVEC_MM = np.array([[5.0, -8.0, 2800.0], [0.0, 0.0, 2880.0]])
WINDOWS = np.array([[60, 75, 329, 344], [0, 0, 227, 227]])


def seen_in_crop(rotation, tvec_mm, camera):
    """The textbook: X = R p + t, then K, then divide."""
    camera_mm = POINTS_MM @ rotation.T + tvec_mm
    pixels = camera_mm @ camera.matrix.T
    return pixels[:, :2] / pixels[:, 2:]


def test_head_at_the_origin_of_the_camera_axis_is_seen_at_the_centre():
    projection = projection_to_image(ROTATION[1:], TVEC_MM[1:], WINDOWS[1:])
    np.testing.assert_allclose(project(np.zeros((1, 3)), projection)[0, 0], [112, 112], atol=1e-9)
    # At 2880 mm one millimetre is one pixel of the 227 px crop.
    np.testing.assert_allclose(project(np.array([[10.0, 20, 0]]), projection)[0, 0], [122, 132], atol=1e-9)


def test_projection_to_image_is_the_textbook_then_the_crop_map():
    pixels = project(POINTS_MM, projection_to_image(ROTATION, TVEC_MM, WINDOWS))
    for row in range(2):
        in_crop = seen_in_crop(ROTATION[row], TVEC_MM[row], FPN_227)
        affine = crop_to_image(WINDOWS[row : row + 1], 227)[0]
        np.testing.assert_allclose(pixels[row], in_crop @ affine[:2, :2].T + affine[:2, 2], atol=1e-9)


def test_projection_moves_exactly_into_other_crops():
    to_image = projection_to_image(ROTATION, TVEC_MM, WINDOWS)
    own = project(POINTS_MM, projection_to_crop(to_image, WINDOWS, 227))
    np.testing.assert_allclose(own[0], seen_in_crop(ROTATION[0], TVEC_MM[0], FPN_227), atol=1e-9)
    others = np.array([[-20, 10, 180, 210], [50, 60, 150, 160]])
    moved = projection_to_crop(to_image, others, 112)
    back = crop_to_image(others, 112) @ moved
    np.testing.assert_allclose(project(POINTS_MM, back), project(POINTS_MM, to_image), atol=1e-9)


def test_points_behind_the_camera_have_no_pixel():
    projection = projection_to_image(ROTATION[1:], np.array([[0.0, 0, 10]]), WINDOWS[1:])
    seen = project(np.array([[0.0, 0, -10], [0, 0, -20], [0, 0, 0]]), projection)[0]
    assert np.isnan(seen).all(axis=1).tolist() == [
        True,
        True,
        False,
    ]


def test_mirrored_pose_projects_mirrored_points_onto_mirrored_pixels():
    mirrored_rotation, mirrored_tvec = mirror_pose(ROTATION, TVEC_MM)
    whole_crop = np.array([[0, 0, 227, 227]] * 2)
    seen = project(POINTS_MM, projection_to_image(ROTATION, TVEC_MM, whole_crop))
    other_half = POINTS_MM * [-1, 1, 1]
    seen_mirrored = project(other_half, projection_to_image(mirrored_rotation, mirrored_tvec, whole_crop))
    # Column x of 0..226 is column 226 - x of the mirrored crop; the nose may be off by 0.04 px.
    np.testing.assert_allclose(seen_mirrored[..., 0], 226 - seen[..., 0], atol=0.05)
    np.testing.assert_allclose(seen_mirrored[..., 1], seen[..., 1], atol=1e-9)
    np.testing.assert_allclose(seen_mirrored[:, 4, 0], 226 - seen[:, 4, 0], atol=1e-9)


def test_mirroring_twice_is_nothing_and_turns_yaw_and_roll_round():
    rotation, tvec = mirror_pose(*mirror_pose(ROTATION, TVEC_MM))
    np.testing.assert_allclose(rotation, ROTATION, atol=1e-12)
    np.testing.assert_allclose(tvec, TVEC_MM, atol=1e-9)
    turned = mirror_pose(ypr_deg_to_matrix(np.array([[20.0, 5, -30]])), TVEC_MM[:1])[0]
    np.testing.assert_allclose(turned, ypr_deg_to_matrix(np.array([[-20.0, 5, 30]])), atol=1e-12)


def test_axes_point_right_down_and_out_of_the_face():
    projection = projection_to_image(ROTATION[1:], TVEC_MM[1:], WINDOWS[1:])
    origin, right, down, out = project(axes_points_mm(100.0), projection)[0]
    assert right[0] > origin[0] + 90 and down[1] > origin[1] + 90
    np.testing.assert_allclose(out, origin, atol=1e-9)
    assert axes_points_mm()[3, 2] < 0, "the nose points at the camera, against z"


@pytest.mark.parametrize(
    "wrong", [{"focal_px": (0.0, 1.0)}, {"centre_px": (float("nan"), 0.0)}, {"size_px": 0}]
)
def test_camera_that_is_none_is_refused(wrong):
    good = {"focal_px": (1.0, 1.0), "centre_px": (0.0, 0.0), "size_px": 8}
    with pytest.raises(GeometryError, match="camera 'odd'"):
        Camera("odd", **(good | wrong))
