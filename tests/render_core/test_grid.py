import numpy as np

from render_core.grid import build_grid, held_or_drawn_view
from render_core.head import FACE_RADIUS_MM, Head, HeadView, ViewedHead
from render_core.view import ViewCamera, view_camera


def place_of_every_point(points: np.ndarray, camera: ViewCamera) -> np.ndarray:
    u, v, depth = camera.projection @ points
    return np.stack([u / depth, v / depth], axis=-1).reshape(camera.size_px, camera.size_px, 2)


def assert_points_lie_in_their_pixels(points: np.ndarray, camera: ViewCamera) -> None:
    rows, columns = np.mgrid[0 : camera.size_px, 0 : camera.size_px]
    # float32 points at a distance of 3 m
    np.testing.assert_allclose(
        place_of_every_point(points, camera), np.stack([columns, rows], axis=-1), atol=2e-3
    )


def test_every_point_projects_to_its_pixel_for_any_angle(egg: Head) -> None:
    for camera in (
        view_camera(0, size_px=48),
        view_camera(33, pitch_deg=20, roll_deg=-15, size_px=48),
        view_camera(-75, size_px=48),
    ):
        grid = build_grid(egg, camera)
        assert_points_lie_in_their_pixels(grid.points.astype(np.float64), camera)
        assert 0.1 < grid.head_mask.mean() < 0.9


def test_the_face_is_the_head_around_the_nose(egg: Head) -> None:
    grid = build_grid(egg, view_camera(0, size_px=48))
    distance = np.linalg.norm(grid.points[:3].T - egg.landmarks_mm[30], axis=1).reshape(48, 48)
    np.testing.assert_array_equal(grid.face_mask, grid.head_mask & (distance <= FACE_RADIUS_MM))
    assert 0 < grid.face_mask.sum() < grid.head_mask.sum()


def test_head_points_lie_on_the_surface_and_the_backdrop_behind(egg: Head) -> None:
    camera = view_camera(0, size_px=48)
    grid = build_grid(egg, camera)
    points = grid.points[:3].T.reshape(48, 48, 3)
    x, y, z = np.moveaxis(points[grid.head_mask], 1, 0)
    # Away from the nose the egg is an ellipsoid; triangles cut its corners by at most a millimetre.
    away = np.abs(x) > 30
    radius = np.sqrt((x / 70) ** 2 + (y / 100) ** 2 + ((z - 20) / 85) ** 2)[away]
    assert np.abs(radius - 1).max() < 0.02
    assert points[~grid.head_mask][:, 2].min() > z.min()


def held(camera: ViewCamera, depth_mm: float) -> HeadView:
    """A head that fills the view, at one depth."""
    inverse = np.linalg.inv(camera.projection[:, :3])
    rows, columns = np.mgrid[0 : camera.size_px, 0 : camera.size_px]
    rays = np.stack([columns, rows, np.ones_like(rows)], axis=-1).astype(np.float64)
    points = (rays * depth_mm - camera.projection[:, 3]) @ inverse.T
    mask = np.ones((camera.size_px, camera.size_px), bool)
    return HeadView(
        camera.yaw_deg, points.astype(np.float32), mask, mask, np.zeros((68, 3)), np.arange(68), np.eye(3)
    )


def test_a_view_that_a_head_holds_is_taken_as_it_is() -> None:
    camera = view_camera(22, size_px=48)
    view = held(camera, 3300.0)
    head = ViewedHead("held", {22.0: view})
    grid = build_grid(head, camera)
    points = grid.points[:3].T.reshape(48, 48, 3)
    np.testing.assert_array_equal(points[grid.head_mask], view.points_mm[grid.head_mask])
    assert held_or_drawn_view(head, camera) is view
    turned = view_camera(22, roll_deg=5, size_px=48)
    assert held_or_drawn_view(head, turned) is not view


def test_a_view_for_another_camera_is_drawn_anew() -> None:
    head = ViewedHead("held", {22.0: held(view_camera(22, size_px=48), 3300.0)})
    camera = view_camera(22, size_px=32)
    assert_points_lie_in_their_pixels(build_grid(head, camera).points.astype(np.float64), camera)


def test_a_drawn_view_has_what_compat_mode_needs(egg: Head) -> None:
    camera = view_camera(40, size_px=32)
    grid = build_grid(egg, camera)
    view = held_or_drawn_view(egg, camera)
    assert view.yaw_deg == 40
    np.testing.assert_array_equal(view.face_mask, grid.face_mask)
    np.testing.assert_array_equal(view.points_mm.reshape(-1, 3).T, grid.points[:3])
