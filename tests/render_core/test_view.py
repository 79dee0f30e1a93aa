import numpy as np
import pytest

from render_core.heads import load_head
from render_core.view import PRESET_VIEWS_DEG, angles_to_rotation, closeup_camera, view_camera

NOSE_MM = np.array([0.0, 0.0, -55.0])


def project(projection: np.ndarray, point: np.ndarray) -> np.ndarray:
    u, v, depth = projection @ [*point, 1.0]
    return np.array([u, v]) / depth


def test_signs_of_the_angles() -> None:
    """Positive yaw turns the nose to the image left, pitch down; roll is clockwise."""
    assert (angles_to_rotation(30, 0, 0) @ NOSE_MM)[0] < 0
    assert (angles_to_rotation(0, 30, 0) @ NOSE_MM)[1] > 0
    right_of_origin = angles_to_rotation(0, 0, 30) @ [1.0, 0.0, 0.0]
    assert right_of_origin[1] > 0
    assert np.isclose(-np.arcsin(angles_to_rotation(30, 20, 10)[2, 0]), np.radians(30))


@pytest.mark.parametrize(
    ("yaw_deg", "centre_x"), list(zip(PRESET_VIEWS_DEG, (-36, -26, -24, -35, -35), strict=True))
)
def test_presets_are_the_original_cameras(yaw_deg: float, centre_x: float) -> None:
    R = angles_to_rotation(yaw_deg, 0, 0)
    K = np.array([[2880, 0, centre_x], [0, 2880, 348], [0, 0, 1]])
    expected = K @ np.column_stack([R, [172.26, -259.69, 3315.23]])
    np.testing.assert_allclose(view_camera(yaw_deg).projection, expected, rtol=0, atol=1e-9)


def test_views_between_presets_move_continuously() -> None:
    places = [project(view_camera(yaw).projection, NOSE_MM) for yaw in np.arange(0, 90, 0.5)]
    assert np.abs(np.diff(places, axis=0)).max() < 1.0


def test_the_view_to_the_other_side_is_the_mirror_image() -> None:
    point = np.array([20.0, -30.0, -40.0])
    there, here = view_camera(-40).projection, view_camera(40).projection
    x, y = project(here, point)
    np.testing.assert_allclose(project(there, point * [-1, 1, 1]), [223 - x, y])


@pytest.mark.parametrize("size_px", [112, 160, 448])
def test_other_sizes_show_the_same_picture(size_px: int) -> None:
    scale = size_px / 224
    small = project(view_camera(22, size_px=size_px).projection, NOSE_MM)
    large = project(view_camera(22).projection, NOSE_MM)
    np.testing.assert_allclose(small + 0.5, scale * (large + 0.5))


def test_nodding_keeps_the_head_in_its_row_and_moves_the_nose_down() -> None:
    middle = np.array([0.0, 0.0, -28.0])
    level, nodding = view_camera(0), view_camera(0, pitch_deg=25)
    assert abs(project(level.projection, middle)[1] - project(nodding.projection, middle)[1]) < 1e-6
    assert project(nodding.projection, NOSE_MM)[1] > project(level.projection, NOSE_MM)[1] + 5


@pytest.mark.parametrize("bad", [{"size_px": 0}, {"yaw_deg": float("nan")}])
def test_impossible_cameras_are_refused(bad: dict[str, float]) -> None:
    arguments = {"yaw_deg": 0.0, "size_px": 224} | bad
    with pytest.raises(ValueError, match="expected"):
        view_camera(arguments["yaw_deg"], size_px=int(arguments["size_px"]))


@pytest.mark.parametrize("yaw_deg", [0, 40, 75])
@pytest.mark.parametrize("size_px", [64, 224])
def test_a_closeup_is_filled_by_the_landmarks_and_their_margin(yaw_deg: int, size_px: int) -> None:
    landmarks_mm = load_head("open-mean").landmarks_mm
    camera = view_camera(yaw_deg, size_px=size_px)
    closeup = closeup_camera(camera, landmarks_mm, margin=0.25)
    homogeneous = np.column_stack([landmarks_mm, np.ones(68)]) @ closeup.projection.T
    points = homogeneous[:, :2] / homogeneous[:, 2:]
    # The longer side takes 1 / 1.5 of the picture, and the middle lies in its middle.
    assert np.ptp(points, axis=0).max() == pytest.approx(size_px / 1.5)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    np.testing.assert_allclose(middle, (size_px - 1) / 2, atol=1e-6)
    assert (closeup.yaw_deg, closeup.size_px, closeup.tvec_mm) == (yaw_deg, size_px, camera.tvec_mm)
