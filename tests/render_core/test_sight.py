from dataclasses import replace
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


def test_a_frontal_view_of_a_frontal_photo_is_that_photo(frontal: Cells, pose: Any) -> None:
    """No twin, nothing filled, nothing moved: not even beside the outline, where hair is."""
    sight = look(frontal, pose(0), SIZE)
    (cells,) = sight.cells
    assert cells.twins.max() == 0 and sight.fractions[0][1] == 0
    # 1/64 px each: what interpolation between directions of the fan leaves.
    assert np.abs(cells.offsets).max() <= 32
    well_within = (np.abs(frontal.points[0]) < 110) & (np.abs(frontal.points[1]) < 110)
    assert cells.fill.reshape(2, -1)[:, well_within].max() <= 128


def test_twins_stand_in_for_the_half_that_is_turned_away(frontal: Cells, pose: Any) -> None:
    """Yaw 40 turns the nose to the image left: the side of negative x is hidden."""
    head = look(frontal, pose(40), SIZE).cells[0].twins[0].reshape(-1) / 255
    x, y, z = frontal.points[:3]
    on_face = frontal.is_face & (np.abs(y) < 60)
    assert head[on_face & (x < -55) & (z < 40)].min() > 0.9
    assert head[on_face & (x > 15)].max() == 0
    mirrored = look(frontal, pose(-40), SIZE).cells[0].twins[0].reshape(-1) / 255
    assert mirrored[on_face & (x > 55) & (z < 40)].min() > 0.9
    assert mirrored[on_face & (x < -15)].max() == 0


def test_the_cheek_in_the_shadow_of_the_nose_takes_its_twin(frontal: Cells, pose: Any) -> None:
    head = look(frontal, pose(35), SIZE).cells[0].twins[0].reshape(-1) / 255
    x, y = frontal.points[:2]
    beside_nose = (x < -12) & (x > -24) & (np.abs(y - 5) < 10)
    other_side = (x > 12) & (x < 24) & (np.abs(y - 5) < 10)
    assert np.median(head[beside_nose]) > 0.5
    assert head[other_side].max() == 0


def test_without_symmetry_there_are_no_twins(frontal: Cells, pose: Any) -> None:
    assert look(frontal, pose(40), SIZE, symmetry=False).cells[0].twins.max() == 0


def test_backdrop_behind_the_head_takes_its_twin(frontal: Cells, pose: Any) -> None:
    twins = look(frontal, pose(40), SIZE).cells[0].twins[1] / 255
    middle = slice(16, 30)
    assert twins[middle, :8].max() > 0.9
    assert twins[middle, -8:].max() == 0


def test_samples_keep_clear_of_the_outline_of_a_face_that_is_turned(frontal: Cells, pose: Any) -> None:
    """At a yaw of 60 the ridge of the nose is the outline: there samples move to the cheek that is seen."""
    P = pose(60)
    cells = look(frontal, P, SIZE).cells[0]
    ridge = (np.abs(frontal.points[0]) < 4) & (np.abs(frontal.points[1]) < 40) & frontal.is_face
    moved = cells.offsets.reshape(4, -1)[:, ridge] / 64
    nose, cheek = (P @ [x, 0, z, 1.0] for x, z in ((0.0, -65.0), (30.0, -55.0)))
    to_the_cheek = np.sign(cheek[0] / cheek[2] - nose[0] / nose[2])
    assert (moved[0] * to_the_cheek).min() > 1
    # The twins of the ridge are on its other side and move the same way.
    assert (moved[2] * to_the_cheek).min() > 1


def test_an_unsure_pose_keeps_farther_from_the_outline(frontal: Cells, pose: Any) -> None:
    ridge = (np.abs(frontal.points[0]) < 4) & (np.abs(frontal.points[1]) < 40) & frontal.is_face
    sure, unsure = (
        np.abs(look(frontal, pose(60), SIZE, pose_error_deg=error).cells[0].offsets.reshape(4, -1)[0, ridge])
        for error in (2.0, 8.0)
    )
    assert (unsure > 2 * sure).all()


def test_what_no_half_shows_is_filled(frontal: Cells, pose: Any) -> None:
    """The head tilted back: its top is hidden, on both halves."""
    fill = look(frontal, pose(0, -40), SIZE).cells[0].fill[0].reshape(-1)
    y, z = frontal.points[1:3]
    top = (y < -85) & (y > -100) & (z > -10)
    assert np.median(fill[top]) > 200
    x = np.abs(frontal.points[0])
    beside_nose = frontal.is_face & (x > 25) & (x < 40) & (np.abs(y) < 30)
    assert fill[beside_nose].max() == 0


def test_backdrop_that_would_show_the_head_is_filled(frontal: Cells, pose: Any) -> None:
    """A view from the front of a profile: beside the head stands what the head hides, on both sides."""
    cells = look(frontal, pose(75), SIZE).cells[0]
    # From 7 mm on: nearer to the head the view has its own outline.
    mm = frontal.outline[1].reshape(45, 45) / 10
    beside = (mm > 7) & (mm < 14)
    beside[:15] = beside[30:] = False
    assert beside.sum() > 10
    assert np.median(cells.fill[1][beside]) > 200


def test_beyond_the_photo_is_filled_where_that_is_asked_for(frontal: Cells, pose: Any) -> None:
    filled, kept = (
        look(frontal, pose(0), (60, 200), fills_beyond=fills).cells[0].fill[1][-4:, :5]
        for fills in (True, False)
    )
    assert filled.min() == 255 and kept.max() == 0


def test_roll_changes_nothing(frontal: Cells, pose: Any) -> None:
    upright, rolled = (look(frontal, pose(25, 0, roll), SIZE).cells[0] for roll in (0, 80))
    # Pitch and roll commute only nearly for a head that is not nodding.
    assert np.abs(upright.twins.astype(int) - rolled.twins).max() <= 1


def test_transitions_are_smooth(frontal: Cells, pose: Any) -> None:
    """Cells are 5 px: no jump from nothing to all within a cell."""
    for yaw in (10, 25, 40):
        cells = look(frontal, pose(yaw), SIZE).cells[0]
        for shares in (cells.twins, cells.fill):
            assert np.abs(np.diff(shares.astype(int), axis=2)).max() < 0.75 * 255


def test_what_lies_beyond_the_photo_is_filled_and_not_seen(frontal: Cells, pose: Any) -> None:
    whole = look(frontal, pose(0), SIZE).fractions[0]
    half = look(frontal, pose(0), (200, 100)).fractions[0]
    assert whole[0] > 0.8 and whole[1] == 0
    assert 0.4 < half[1] < 0.6
    assert half[0] < 0.6 * whole[0]


def test_the_half_of_a_face_that_the_photo_cuts_off_takes_its_twin(frontal: Cells, pose: Any) -> None:
    twins = look(frontal, pose(0), (200, 90)).cells[0].twins[0].reshape(-1)
    x, y = frontal.points[:2]
    cut_off = frontal.is_face & (x > 40) & (np.abs(y) < 40)
    assert cut_off.any() and twins[cut_off].min() > 250


def test_seen_and_filled_of_a_face_that_is_turned_away(frontal: Cells, pose: Any) -> None:
    seen, filled = look(frontal, pose(60), SIZE).fractions[0]
    assert seen + filled <= 1
    assert 0.3 < filled < 0.6
    bare_seen, bare_filled = look(frontal, pose(60), SIZE, symmetry=False).fractions[0]
    assert bare_filled <= filled
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
        alone = look(replace(cells), pose(30), SIZE)
        for name in ("twins", "fill", "trust", "offsets"):
            np.testing.assert_array_equal(getattr(both.cells[number], name), getattr(alone.cells[0], name))
        assert both.fractions[number] == alone.fractions[0]
