import numpy as np
import pytest

from render_core.heads.eyes import smooth_step
from render_core.heads.table import head_table


def test_the_ball_shows_between_the_lids_and_the_lids_lie_on_it() -> None:
    eye = head_table().eye
    centre = np.array(eye.centre_mm)
    forward = np.linspace(-5, 25, 3001)
    deep_face = np.full(len(forward), 50.0)

    def surface(lateral: float, down: float) -> float:
        points = np.column_stack([np.full_like(forward, lateral), np.full_like(forward, down), forward])
        points[:, 2] += centre[2]
        return float(forward[np.abs(eye.set_into(deep_face, points)).argmin()])

    middle_x = (eye.inner_mm[0] + eye.outer_mm[0]) / 2
    middle_y = (eye.inner_mm[1] + eye.outer_mm[1]) / 2
    for down, radius in ((middle_y, eye.ball_radius_mm), (middle_y - 9, eye.ball_radius_mm + eye.lid_mm)):
        height = np.sqrt(radius**2 - (middle_x - centre[0]) ** 2 - (down - centre[1]) ** 2)
        assert surface(middle_x, down) == pytest.approx(height, abs=0.02)


def test_far_from_the_eye_nothing_changes() -> None:
    points = np.array([[-31.0, 7.0, 73.0], [31.0, 80.0, 73.0]])
    np.testing.assert_array_equal(head_table().eye.set_into(np.array([1.0, -2.0]), points), [1.0, -2.0])


def test_smooth_step_rises_either_way() -> None:
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(smooth_step(values, 0.0, 1.0), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(smooth_step(values, 1.0, 0.0), [1, 1, 0.5, 0, 0])
