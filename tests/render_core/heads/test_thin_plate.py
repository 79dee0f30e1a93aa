import numpy as np
import pytest

from render_core.heads.thin_plate import fit_radial_surface


def directions(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_without_smoothing_the_surface_passes_through_every_point() -> None:
    centre = np.array([1.0, -2, 3])
    points = centre + directions(60, 0) * np.random.default_rng(1).uniform(50, 90, (60, 1))
    surface = fit_radial_surface(points, centre, smoothing=0.0)
    offsets = points - centre
    radii = np.linalg.norm(offsets, axis=1)
    np.testing.assert_allclose(surface.radius_mm(offsets / radii[:, None]), radii)


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_a_sphere_stays_a_sphere(smoothing: float) -> None:
    centre = np.zeros(3)
    surface = fit_radial_surface(80 * directions(60, 2), centre, smoothing)
    np.testing.assert_allclose(surface.radius_mm(directions(200, 3)), 80)


def test_smoothing_takes_roughness_away() -> None:
    rough = directions(150, 4) * (80 + np.random.default_rng(5).normal(0, 1, (150, 1)))
    spread = [
        fit_radial_surface(rough, np.zeros(3), smoothing).radius_mm(directions(500, 6)).std()
        for smoothing in (0.0, 0.1, 10.0)
    ]
    assert spread[0] > 1.5 * spread[1] > 2 * spread[2]
