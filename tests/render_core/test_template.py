import numpy as np
import pytest

from render_core.template import FIVE_POINTS_MM, Template, named_template, similarity, template_camera
from render_core.view import view_camera


def test_the_head_is_its_own_mirror_image() -> None:
    mirrored = FIVE_POINTS_MM[[1, 0, 2, 4, 3]] * [-1, 1, 1]
    np.testing.assert_array_equal(mirrored, FIVE_POINTS_MM)


def test_the_narrow_template_is_the_middle_of_the_square_one() -> None:
    square, narrow = named_template("arcface"), named_template("arcface-96x112")
    np.testing.assert_allclose(narrow.points + np.array([8, 0]), square.points)
    assert narrow.scaled(224).size_wh_px == (192, 224)


def test_scaling_maps_areas_onto_each_other() -> None:
    template = named_template("arcface")
    np.testing.assert_allclose(template.scaled(224).points + 0.5, 2 * (template.points + 0.5))


def test_a_margin_keeps_the_size_and_the_middle() -> None:
    template = Template((100, 100), ((30.0, 40.0), (70.0, 40.0), (50.0, 60.0), (35.0, 80.0), (65.0, 80.0)))
    wide = template.with_margin(0.5)
    assert wide.size_wh_px == (100, 100)
    np.testing.assert_allclose(wide.points, (template.points - 49.5) / 2 + 49.5)


@pytest.mark.parametrize("points", [((1.0, 1.0),) * 5, ((1.0, 2.0), (3.0, 4.0)), ((np.nan, 1.0),) * 5])
def test_points_that_are_no_template_are_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="expected five different points"):
        Template((112, 112), points)


def test_an_unknown_name_shows_those_there_are() -> None:
    with pytest.raises(ValueError, match="'arc': expected one of arcface, arcface-96x112, ffhq"):
        named_template("arc")


def test_a_similarity_finds_a_known_map() -> None:
    source = np.random.default_rng(0).normal(size=(5, 2))
    angle, scale = 0.3, 2.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(source, source @ turn.T + [3, -4])
    np.testing.assert_allclose(found, np.column_stack([turn, [3, -4]]))


@pytest.mark.parametrize("name", ["arcface", "arcface-96x112", "ffhq"])
@pytest.mark.parametrize("yaw_deg", [-40, 0, 22, 75])
def test_a_view_lands_on_the_template(name: str, yaw_deg: int) -> None:
    template = named_template(name).scaled(112)
    camera = template_camera(view_camera(yaw_deg), template)
    assert (camera.size_px, camera.yaw_deg) == (112, yaw_deg)
    homogeneous = FIVE_POINTS_MM @ camera.projection[:, :3].T + camera.projection[:, 3]
    placed = homogeneous[:, :2] / homogeneous[:, 2:]
    offset = (112 - template.size_wh_px[0]) / 2
    np.testing.assert_allclose(placed.mean(axis=0), template.points.mean(axis=0) + np.array([offset, 0]))
    if yaw_deg == 0:
        np.testing.assert_allclose(placed, template.points + np.array([offset, 0]), atol=5)
