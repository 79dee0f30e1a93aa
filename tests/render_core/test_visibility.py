import numpy as np

from render_core.head import Head
from render_core.heads import vertex_normals
from render_core.view import angles_to_rotation
from render_core.visibility import (
    PITCHES_DEG,
    YAWS_DEG,
    build_shadow_maps,
    camera_direction,
    direction_to_angles,
)


def hits_surface(head: Head, point: np.ndarray, direction: np.ndarray) -> bool:
    """Whether a ray from the point towards the camera meets the surface more than 2 mm away."""
    a, b, c = (head.vertices_mm[head.triangles[:, corner]] for corner in range(3))
    # point + s direction = a + u (b - a) + v (c - a)
    matrix = np.stack([np.broadcast_to(-direction, a.shape), b - a, c - a], axis=2)
    regular = np.abs(np.linalg.det(matrix)) > 1e-9
    s, u, v = np.linalg.solve(matrix[regular], (point - a[regular])[..., None])[..., 0].T
    return bool(((s > 2.0) & (u >= 0) & (v >= 0) & (u + v <= 1)).any())


def test_shadow_maps_agree_with_rays(egg: Head) -> None:
    maps = build_shadow_maps(egg)
    generator = np.random.default_rng(0)
    front = np.flatnonzero((egg.vertices_mm[:, 2] < 20) & (np.abs(egg.vertices_mm[:, 1]) < 80))
    chosen = generator.choice(front, 60, replace=False)
    points, normals = egg.vertices_mm[chosen], vertex_normals(egg.vertices_mm, egg.triangles)[chosen]
    seen = maps.visibility(points)
    compared = differing = 0
    for i in range(0, len(YAWS_DEG), 3):
        for j in range(len(PITCHES_DEG)):
            towards = -angles_to_rotation(float(YAWS_DEG[i]), float(PITCHES_DEG[j]), 0.0)[2]
            for point, normal, level in zip(points, normals, seen[i, j], strict=True):
                # Just beyond the horizon maps are too coarse; that a surface faces away is known anyway.
                hidden = level < 128 or normal @ towards < 0
                compared += 1
                differing += hits_surface(egg, point, towards) != hidden
    assert differing / compared < 0.01


def test_the_nose_hides_the_cheek_behind_it(egg: Head) -> None:
    cheek = np.array([[22.0, 5.0, 0.0]])
    cheek[0, 2] = 20 - 85 * np.sqrt(1 - (22 / 70) ** 2 - (5 / 100) ** 2)
    seen = build_shadow_maps(egg).visibility(cheek)
    level = 1
    # Positive yaw turns the nose to the image left: the camera then sees the side of positive x.
    assert seen[list(YAWS_DEG).index(60), level, 0] == 255
    assert seen[list(YAWS_DEG).index(-60), level, 0] == 0


def test_direction_and_angles_of_a_camera() -> None:
    for yaw, pitch, roll in ((0, 0, 0), (30, 10, 20), (-50, -25, 70)):
        R = angles_to_rotation(yaw, pitch, roll)
        K = np.array([[900.0, 0, 310], [0, 900, 240], [0, 0, 1]])
        P = K @ np.column_stack([R, [0.0, 0.0, 1200.0]])
        direction = camera_direction(P)
        np.testing.assert_allclose(direction, -R.T @ [0, 0, 1], atol=1e-12)
        # Roll turns the picture, not the direction.
        unrolled = angles_to_rotation(0, 0, roll).T @ R
        found_yaw, found_pitch = direction_to_angles(direction)
        np.testing.assert_allclose(angles_to_rotation(found_yaw, found_pitch, 0)[2], unrolled[2], atol=1e-12)
        assert np.isclose(found_yaw, yaw) and np.isclose(found_pitch, pitch)
