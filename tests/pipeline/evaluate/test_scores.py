"""Errors by their definitions."""

import numpy as np
import pytest

from fpn_core import geodesic_deg
from pipeline.evaluate.conventions import aflw_labels_to_rotation
from pipeline.evaluate.scores import errors_of, score, score_by_yaw, score_wide

from .faces import landmarks

TRUE_PYR = np.array([[0.0, 10, 0], [5, -40, 0], [0, 70, 10], [-10, 0, 175]])
TOLD_PYR = TRUE_PYR + np.array([[4, 0, 0], [0, 8, 0], [0, -12, 0], [0, 0, 20]])
TRUE = aflw_labels_to_rotation(TRUE_PYR)
TOLD = aflw_labels_to_rotation(TOLD_PYR)
POINTS = np.stack([landmarks(rotation) for rotation in TRUE])
NONE = np.full((4, 68, 2), np.nan)


def errors(told=TOLD, told_points=POINTS, true=TRUE, points=POINTS):
    return errors_of(told, told_points, true, points, TRUE_PYR[:, 1])


def test_angles_are_those_between_the_labels_also_across_half_a_turn():
    np.testing.assert_allclose(errors().angles_deg, [[0, 4, 0], [8, 0, 0], [12, 0, 0], [0, 0, 20]], atol=1e-9)
    np.testing.assert_allclose(errors().geodesic_deg, geodesic_deg(TOLD, TRUE))


def test_scores_are_means_and_shares():
    scores = score(errors())
    assert scores.faces == 4
    assert scores.mae_deg == pytest.approx({"yaw": 5, "pitch": 1, "roll": 5})
    assert scores.mean_mae_deg == pytest.approx(11 / 3)
    assert scores.within_percent == pytest.approx({"5": 25, "10": 50, "15": 75})
    assert scores.landmarks_eyes_percent == pytest.approx(0)


def test_landmarks_are_measured_by_the_eyes_and_by_the_box():
    moved = errors(told_points=POINTS + np.array([3.0, 4.0]))
    eyes = np.linalg.norm(POINTS[:, 36] - POINTS[:, 45], axis=1)
    np.testing.assert_allclose(moved.landmarks_eyes, 5 / eyes)
    np.testing.assert_allclose(moved.landmarks_box, 5 / np.sqrt(np.ptp(POINTS, axis=1).prod(axis=1)))


def test_points_that_are_not_labelled_do_not_count():
    half = POINTS.copy()
    half[:, 40:] = np.nan
    moved = POINTS + np.array([3.0, 4.0])
    moved[:, 40:] += 1000
    some = errors(told_points=moved, points=half)
    np.testing.assert_allclose(some.landmarks_box, 5 / np.sqrt(np.ptp(half[:, :40], axis=1).prod(axis=1)))
    # An outer eye corner is one of them.
    assert np.isnan(some.landmarks_eyes).all()
    assert score(some).landmarks_eyes_percent is None


def test_inner_points_are_eyes_nose_and_mouth_without_the_wings_of_the_nose():
    moved = POINTS.copy()
    moved[:, [*range(27), 31, 35]] += 50
    outer = errors(told_points=moved)
    np.testing.assert_array_equal(outer.inner_box, 0)
    assert (outer.landmarks_box > 0.05).all()
    moved = POINTS.copy()
    moved[:, 30] += [0, 39]
    # One point of 39 is off.
    box = np.sqrt(np.ptp(POINTS, axis=1).prod(axis=1))
    np.testing.assert_allclose(errors(told_points=moved).inner_box, 1 / box)


def test_medians_stand_beside_means():
    scores = score(errors())
    angles = geodesic_deg(TOLD, TRUE)
    assert scores.geodesic_deg == pytest.approx(angles.mean())
    assert scores.geodesic_median_deg == pytest.approx(np.median(angles))


def test_wide_faces_are_those_beyond_30_degrees():
    assert score_wide(errors()).faces == 2
    assert score_wide(errors()[np.array([True, False, False, True])]) is None


def test_bins_hold_the_faces_of_their_yaw():
    bins = score_by_yaw(errors())
    assert {name: scores.faces for name, scores in bins.items()} == {"0-30": 2, "30-60": 1, "60-": 1}
    assert bins["30-60"].mae_deg["yaw"] == pytest.approx(8)
    assert set(score_by_yaw(errors()[np.array([True, False, False, False])])) == {"0-30"}


def test_missing_labels_give_no_scores_and_spoil_no_others():
    no_rotation = score(errors(true=np.full((4, 3, 3), np.nan)))
    assert no_rotation.mae_deg is None and no_rotation.geodesic_deg is None
    assert no_rotation.within_percent is None and no_rotation.landmarks_eyes_percent is not None
    no_points = score(errors(points=NONE))
    assert no_points.landmarks_eyes_percent is None and no_points.mean_mae_deg is not None
    some = TRUE.copy()
    some[0] = np.nan
    assert score(errors(true=some)).mae_deg["yaw"] == pytest.approx(20 / 3)
