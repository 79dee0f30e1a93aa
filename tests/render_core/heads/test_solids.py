import numpy as np
import pytest

from render_core.heads.solids import Solid, rotation, smooth_minimum

POINTS = np.random.default_rng(0).uniform(-20, 20, (200, 3))


def test_a_ball_has_exact_distances() -> None:
    ball = Solid("ball", (1.0, 2.0, 3.0), (5.0, 5.0, 5.0), blend_mm=0.0)
    expected = np.linalg.norm(POINTS - [1, 2, 3], axis=1) - 5
    np.testing.assert_allclose(ball.distance_mm(POINTS), expected, atol=1e-9)


def test_a_turned_ellipsoid_is_zero_on_its_surface_and_grows_by_a_millimetre_a_millimetre() -> None:
    radii, turn = np.array([4.0, 7.0, 10.0]), (20.0, -35.0, 50.0)
    solid = Solid("egg", (1.0, 2.0, 3.0), tuple(radii), 0.0, turn_deg=turn)
    sphere = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
    normals = sphere / radii
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    surface = (sphere * radii) @ rotation(turn).T + [1, 2, 3]
    np.testing.assert_allclose(solid.distance_mm(surface), 0, atol=1e-9)
    outside = surface + 0.1 * normals @ rotation(turn).T
    np.testing.assert_allclose(solid.distance_mm(outside), 0.1, rtol=0.05)


def test_turns_go_about_the_lateral_then_the_down_then_the_forward_axis() -> None:
    np.testing.assert_allclose(rotation((90.0, 0.0, 0.0)) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation((90.0, 90.0, 0.0)) @ [0, 1, 0], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation((90.0, 90.0, 90.0)) @ [0, 1, 0], [0, 1, 0], atol=1e-12)


def test_a_capsule_has_the_radius_of_its_ends() -> None:
    capsule = Solid("rod", (0.0, 0.0, 0.0), (2.0, 4.0), 0.0, to_mm=(10.0, 0.0, 0.0))
    points = np.array([[-3.0, 0, 0], [0, 5, 0], [5, 5, 0], [10, 0, 6], [15, 0, 0]])
    np.testing.assert_allclose(capsule.distance_mm(points), [1, 3, 2, 2, 1])


@pytest.mark.parametrize("blend_mm", [0.0, 3.0])
def test_a_seam_is_rounded_only_within_its_width(blend_mm: float) -> None:
    a, b = POINTS[:, 0], POINTS[:, 1]
    rounded, sharp = smooth_minimum(a, b, blend_mm), np.minimum(a, b)
    far = np.abs(a - b) >= blend_mm
    np.testing.assert_array_equal(rounded[far], sharp[far])
    assert (rounded <= sharp).all()
    np.testing.assert_allclose(smooth_minimum(a, a, blend_mm), a - blend_mm / 4)
