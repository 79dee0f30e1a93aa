import numpy as np
import pytest

from render_core.backdrop import backdrop_points
from render_core.errors import HeadError
from render_core.heads import load_head
from render_core.raster import rasterize
from render_core.view import view_camera

SIZE = (224, 224)
VIEWS_DEG = [0, 5, 22, 40, 55, 75]


def project(points: np.ndarray, projection: np.ndarray) -> np.ndarray:
    image = points @ projection[:, :3].T + projection[:, 3]
    return image[..., :2] / image[..., 2:]


@pytest.mark.parametrize("yaw_deg", VIEWS_DEG)
def test_every_point_projects_to_its_own_pixel(yaw_deg: int) -> None:
    projection = view_camera(yaw_deg).projection
    points = backdrop_points(load_head().vertices_mm, projection, SIZE)
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    np.testing.assert_allclose(project(points, projection), np.stack([x, y], -1), atol=1e-6)


@pytest.mark.parametrize("yaw_deg", VIEWS_DEG)
def test_a_millimetre_of_the_photo_is_a_millimetre_of_the_view(yaw_deg: int) -> None:
    points = backdrop_points(load_head().vertices_mm, view_camera(yaw_deg).projection, SIZE)
    # Far from the head: the first and last columns. 2880 px / 3315 mm is the scale of the view at the head.
    step_mm = np.diff(points[..., 0], axis=1)[:, [0, 1, -2, -1]] * 2880 / 3315
    # Not exactly: these cameras see the edges of the picture up to 5 degrees off their axis, which changes
    # the scale by sin(5 deg) = 0.087.
    np.testing.assert_allclose(np.median(step_mm, axis=0), 1.0, atol=0.087)


@pytest.mark.parametrize("yaw_deg", [22, 40, 55, 75])
def test_beside_the_profile_stands_what_stood_beside_the_cheek(yaw_deg: int) -> None:
    head, projection = load_head(), view_camera(yaw_deg).projection
    points = backdrop_points(head.vertices_mm, projection, SIZE)
    covered = rasterize(head.vertices_mm, head.triangles, projection, SIZE).covered
    row = 100  # at the height of the eyes
    column = np.flatnonzero(covered[row])[0] - 1
    y_mm = points[row, column, 1]
    far_edge = head.vertices_mm[np.abs(head.vertices_mm[:, 1] - y_mm) < 4, 0].min()
    # Outlines are smoothed over some 20 mm: the root of the nose lies in a notch of the profile.
    np.testing.assert_allclose(points[row, column, 0], far_edge, atol=15)


@pytest.mark.parametrize("yaw_deg", VIEWS_DEG)
def test_the_face_is_never_behind_the_backdrop(yaw_deg: int) -> None:
    head, projection = load_head(), view_camera(yaw_deg).projection
    raster = rasterize(head.vertices_mm, head.triangles, projection, SIZE)
    backdrop_depth = (
        backdrop_points(head.vertices_mm, projection, SIZE) @ projection[2, :3] + projection[2, 3]
    )
    seen = raster.interpolate(head.vertices_mm)
    face = raster.covered & (seen[..., 2] < 40)
    assert face.sum() > 5000
    assert (raster.depth[face] < backdrop_depth[face]).all()


def test_both_sides_mirror_each_other() -> None:
    vertices = load_head().vertices_mm
    left = backdrop_points(vertices, view_camera(40).projection, SIZE)
    right = backdrop_points(vertices, view_camera(-40).projection, SIZE)
    np.testing.assert_allclose(left, right[:, ::-1] * [-1, 1, 1], atol=1e-6)


def test_a_projection_without_a_camera_is_refused() -> None:
    flat = view_camera(0).projection.copy()
    flat[0] = flat[1]
    with pytest.raises(HeadError, match="without a camera centre"):
        backdrop_points(load_head().vertices_mm, flat, SIZE)


def test_a_view_from_behind_is_refused() -> None:
    with pytest.raises(HeadError, match="at most 120"):
        backdrop_points(load_head().vertices_mm, view_camera(179).projection, SIZE)
