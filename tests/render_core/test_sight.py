from typing import Any

import numpy as np
import pytest

from render_core.cells import Cells, build_cells, join_cells
from render_core.errors import RenderReject
from render_core.grid import build_grid
from render_core.head import Head
from render_core.sight import look
from render_core.view import view_camera
from render_core.visibility import build_shadow_maps

SIZE = (200, 200)


@pytest.fixture(scope="module")
def frontal(egg: Head) -> Cells:
    return build_cells(build_grid(egg, view_camera(0)), build_shadow_maps(egg))


def test_a_frontal_photo_needs_no_twins(frontal: Cells, pose: Any) -> None:
    sight = look(frontal, pose(0), SIZE)
    assert sight.twin_weights.max() == 0
    assert sight.fractions(symmetry=True)[0][1] == 0


def test_twins_stand_in_for_the_half_that_is_turned_away(frontal: Cells, pose: Any) -> None:
    """Yaw 40 turns the nose to the image left: the side of negative x is hidden."""
    head = look(frontal, pose(40), SIZE).twin_weights[0, 0].reshape(-1)
    x, y, z = frontal.points[:3]
    on_face = frontal.is_face & (np.abs(y) < 60)
    assert head[on_face & (x < -55) & (z < 40)].min() > 0.9
    assert head[on_face & (x > 15)].max() == 0
    mirrored = look(frontal, pose(-40), SIZE).twin_weights[0, 0].reshape(-1)
    assert mirrored[on_face & (x > 55) & (z < 40)].min() > 0.9
    assert mirrored[on_face & (x < -15)].max() == 0


def test_the_cheek_in_the_shadow_of_the_nose_takes_its_twin(frontal: Cells, pose: Any) -> None:
    sight = look(frontal, pose(35), SIZE)
    x, y = frontal.points[:2]
    beside_nose = (x < -12) & (x > -24) & (np.abs(y - 5) < 10)
    other_side = (x > 12) & (x < 24) & (np.abs(y - 5) < 10)
    head = sight.twin_weights[0, 0].reshape(-1)
    assert np.median(head[beside_nose]) > 0.5
    assert head[other_side].max() == 0


def test_backdrop_behind_the_head_takes_its_twin(frontal: Cells, pose: Any) -> None:
    weights = look(frontal, pose(40), SIZE).twin_weights[1, 0]
    middle = slice(16, 30)
    assert weights[middle, :8].max() > 0.9
    assert weights[middle, -8:].max() == 0


def test_roll_changes_nothing(frontal: Cells, pose: Any) -> None:
    upright, rolled = (look(frontal, pose(25, 0, roll), SIZE).twin_weights for roll in (0, 80))
    # Pitch and roll commute only nearly for a head that is not nodding.
    np.testing.assert_allclose(upright, rolled, atol=1e-3)


def test_transitions_are_smooth(frontal: Cells, pose: Any) -> None:
    """Cells are 5 px: no jump from nothing to all within a cell."""
    for yaw in (10, 25, 40):
        weights = look(frontal, pose(yaw), SIZE).twin_weights
        assert np.abs(np.diff(weights, axis=3)).max() < 0.75


def test_what_lies_beyond_the_photo_is_filled_and_not_seen(frontal: Cells, pose: Any) -> None:
    whole = look(frontal, pose(0), SIZE).fractions(symmetry=True)[0]
    half = look(frontal, pose(0), (200, 100)).fractions(symmetry=True)[0]
    assert whole[0] > 0.8 and whole[1] == 0
    assert 0.4 < half[1] < 0.6
    assert half[0] < 0.6 * whole[0]


def test_seen_and_filled_of_a_face_that_is_turned_away(frontal: Cells, pose: Any) -> None:
    sight = look(frontal, pose(60), SIZE)
    seen, filled = sight.fractions(symmetry=True)[0]
    assert seen + filled <= 1
    assert 0.3 < filled < 0.6
    bare_seen, bare_filled = sight.fractions(symmetry=False)[0]
    assert bare_filled == 0
    assert bare_seen >= seen


def test_bounds_hold_all_cells_and_their_twins(frontal: Cells, pose: Any) -> None:
    P = pose(30, 10, 50)
    left, top, right, bottom = look(frontal, P, SIZE).bounds_px
    for sign in (1, -1):
        u, v, depth = P @ (frontal.points * np.array([[sign], [1], [1], [1]]))
        assert left <= (u / depth).min() + 1e-3 and (u / depth).max() - 1e-3 <= right
        assert top <= (v / depth).min() + 1e-3 and (v / depth).max() - 1e-3 <= bottom


def test_a_camera_inside_the_head_is_a_reject(frontal: Cells, pose: Any) -> None:
    P = pose(0).copy()
    P[2, 3] = 30.0
    with pytest.raises(RenderReject) as reject:
        look(frontal, P, SIZE)
    assert reject.value.reason == "pose_behind_camera"


def test_views_are_kept_apart(egg: Head, frontal: Cells, pose: Any) -> None:
    side = build_cells(build_grid(egg, view_camera(60)), build_shadow_maps(egg))
    both = look(join_cells([frontal, side]), pose(30), SIZE)
    for number, cells in enumerate((frontal, side)):
        alone = look(cells, pose(30), SIZE)
        np.testing.assert_allclose(both.twin_weights[:, number], alone.twin_weights[:, 0], atol=1e-6)
        np.testing.assert_array_equal(both.inside[number], alone.inside[0])
        assert both.fractions(symmetry=True)[number] == alone.fractions(symmetry=True)[0]
