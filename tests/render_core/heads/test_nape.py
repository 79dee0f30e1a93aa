import numpy as np

from render_core.heads.nape import round_nape
from render_core.heads.neck import NeckSection
from render_core.heads.thin_plate import RadialSurface

BLEND_MM = 12.0
NECK = (NeckSection(20.0, 50.0, 50.0, -50.0), NeckSection(120.0, 50.0, 50.0, -50.0))
BALL = RadialSurface(np.zeros(3), np.array([[0.0, 1.0, 0.0]]), np.zeros(1), np.array([80.0, 0, 0, 0]))


def lifts(points: list[list[float]], of_neck: bool = False) -> np.ndarray:
    rows, one = np.array(points), np.array([[0.0, 90.0, 0.0]])
    pair = (one, rows) if of_neck else (rows, one)
    lifted = round_nape(*pair, BALL, NECK, BLEND_MM)[of_neck]
    return np.asarray(np.linalg.norm(lifted - rows, axis=1))


def test_where_head_and_neck_meet_behind_both_are_lifted_by_a_quarter_of_the_blend() -> None:
    # The middle of the back at 50 mm from the axis, on the ball of 80 mm.
    meeting = [[0.0, np.sqrt(80.0**2 - 50.0**2), -50.0]]
    np.testing.assert_allclose(lifts(meeting), BLEND_MM / 4, atol=1e-6)
    np.testing.assert_allclose(lifts(meeting, of_neck=True), BLEND_MM / 4, atol=1e-6)


def test_far_from_the_other_surface_nothing_moves() -> None:
    np.testing.assert_array_equal(lifts([[0.0, 20.0, -77.5], [0.0, 77.5, -20.0]]), 0)
    np.testing.assert_array_equal(lifts([[0.0, 110.0, -50.0]], of_neck=True), 0)


def test_the_face_and_the_throat_stay_as_they_are() -> None:
    meeting = [[0.0, np.sqrt(80.0**2 - 50.0**2), 50.0]]
    np.testing.assert_array_equal(lifts(meeting), 0)
    np.testing.assert_array_equal(lifts(meeting, of_neck=True), 0)
