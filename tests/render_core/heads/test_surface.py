import numpy as np

from render_core.heads.build import mean_head
from render_core.heads.eyes import Eye
from render_core.heads.solids import Solid
from render_core.heads.surface import Skin, mirrored_points
from render_core.heads.thin_plate import fit_radial_surface

CENTRE = np.array([0.0, 15.0, 15.0])
# An eye inside the head, where it changes nothing.
NO_EYE = Eye(
    (31.0, 7.0, 20.0), 1.0, (20.0, 7.0), (40.0, 7.0), 1.0, 0.5, 1.0, 0.5, 0.1, (0.0, 1.0), 0.1, 0.1, 0.0
)


def ball_with(*solids: Solid) -> Skin:
    rng = np.random.default_rng(0).normal(size=(80, 3))
    sphere = CENTRE + 80 * rng / np.linalg.norm(rng, axis=1, keepdims=True)
    return Skin(fit_radial_surface(sphere, CENTRE, 0.0), solids, NO_EYE)


def test_without_solids_the_skin_is_the_base() -> None:
    directions = np.array([[0.0, 0, 1], [0.6, 0, 0.8], [0.6, 0.8, 0]])
    np.testing.assert_allclose(ball_with().point_mm(directions), CENTRE + 80 * directions, atol=0.05)


def test_a_solid_stands_out_and_a_carved_one_goes_in() -> None:
    forward = np.array([[0.0, 0, 1]])
    at = (0.0, 15.0, 95.0)
    for operation, expected in (("add", 85.0), ("carve", 75.0)):
        skin = ball_with(Solid("ball", at, (5.0, 5.0, 5.0), 0.0, operation))  # type: ignore[arg-type]
        np.testing.assert_allclose(skin.point_mm(forward)[0, 2] - CENTRE[2], expected, atol=0.05)


def test_points_seen_from_the_front_lie_where_they_were_asked_for_and_on_the_skin() -> None:
    wanted = np.array([[0.0, 40.0], [30.0, 15.0], [60.0, 30.0], [75.0, 15.0]])
    points = ball_with().seen_from_front_mm(wanted)
    np.testing.assert_allclose(points[:, :2], wanted, atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(points - CENTRE, axis=1), 80, atol=0.05)


def test_a_point_beyond_the_silhouette_gives_the_skin_beside_it() -> None:
    point = ball_with().seen_from_front_mm(np.array([[90.0, 15.0]]))[0]
    assert 70 < point[0] < 80.1


def test_mirrored_points_leave_the_middle_single() -> None:
    half = np.array([[0.0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(mirrored_points(half), [[0, 1, 2], [3, 4, 5], [-3, 4, 5]])


def test_the_mean_head_is_its_own_mirror_image() -> None:
    mean = mean_head()
    landmarks = mean.landmarks_mm
    np.testing.assert_allclose(landmarks[36], landmarks[45] * [-1, 1, 1])
    as_rows = {tuple(row) for row in np.round(mean.vertices_mm, 6) + 0.0}
    mirrored = {tuple(row) for row in np.round(mean.vertices_mm * [-1, 1, 1], 6) + 0.0}
    # The tube of the neck samples sines on both sides: equal but for the last digits.
    assert len(as_rows ^ mirrored) < 0.002 * len(as_rows)
