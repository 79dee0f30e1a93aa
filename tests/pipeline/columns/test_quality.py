import cv2
import numpy as np
import pytest

from fpn_core import project
from pipeline.columns.quality import exposure, eye_distance_px, sharpness
from render_core.template import FIVE_POINTS_MM
from render_core.view import angles_to_rotation

K = np.array([[2880.0, 0, 112], [0, 2880, 112], [0, 0, 1]])


def projection(yaw_deg: float, distance_mm: float = 3000.0) -> np.ndarray:
    return np.asarray(K @ np.column_stack([angles_to_rotation(yaw_deg, 10, 30), [20.0, -10.0, distance_mm]]))


def test_of_a_frontal_face_it_is_the_distance_of_the_eyes() -> None:
    P = K @ np.column_stack([np.eye(3), [0, 0, 3000.0]])
    left, right = project(FIVE_POINTS_MM[:2], P[None])[0]
    assert eye_distance_px(P) == pytest.approx(np.linalg.norm(right - left), rel=0.001)


def test_it_depends_on_the_distance_and_not_on_the_turn() -> None:
    near = [eye_distance_px(projection(yaw)) for yaw in (-80, 0, 45, 80)]
    np.testing.assert_allclose(near, near[1], rtol=0.02)
    assert eye_distance_px(projection(0, 6000.0)) == pytest.approx(near[1] / 2, rel=0.02)
    scaled = np.diag([3.0, 3.0, 1.0]) @ projection(45)
    assert eye_distance_px(scaled) == pytest.approx(3 * near[2])


def test_blur_and_light() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    crop = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1))
    blurred = np.asarray(cv2.GaussianBlur(crop, (0, 0), 3))
    assert sharpness(blurred) < 0.1 * sharpness(crop)
    assert exposure(crop) == pytest.approx(0.5, abs=0.03)
    assert exposure(crop // 2) == pytest.approx(0.25, abs=0.03)
    # Hair and surroundings do not count.
    framed = crop.copy()
    framed[:20], framed[:, :20], framed[:, -20:] = 255, 0, 0
    assert (sharpness(framed), exposure(framed)) == (sharpness(crop), exposure(crop))
