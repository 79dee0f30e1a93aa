import pytest

from render_core.errors import HeadError
from render_core.heads.build import load_head
from render_core.heads.measure import (
    likeliest_parameters,
    measure_head,
    measurement_names,
    population_deviations_mm,
)
from render_core.heads.table import head_table

MEASUREMENTS = {measurement.name: measurement for measurement in head_table().measurements}


@pytest.mark.parametrize("name", measurement_names())
def test_the_mean_head_lies_within_the_population(name: str) -> None:
    published = MEASUREMENTS[name]
    # Means of women and men differ by up to two deviations; ours lies between them.
    assert measure_head({})[name] == pytest.approx(published.mean_mm, abs=0.6 * published.sd_mm)


@pytest.mark.parametrize("name", measurement_names())
def test_heads_vary_as_the_population_does(name: str) -> None:
    ratio = population_deviations_mm()[name] / MEASUREMENTS[name].sd_mm
    assert 0.8 < ratio < 1.25


def test_measurements_are_those_of_the_landmarks() -> None:
    table = head_table()
    landmarks = load_head().landmarks_mm
    width = landmarks[45, 0] - landmarks[36, 0]
    assert measure_head({})["eye_corners_outer"] * table.frame.scale == pytest.approx(width)


def test_the_likeliest_head_has_the_measurements_asked_for() -> None:
    wanted = {"face_width": 145.0, "nose_protrusion": 24.0, "face_height": 112.0}
    measured = measure_head(likeliest_parameters(wanted))
    assert {name: measured[name] for name in wanted} == pytest.approx(wanted, abs=1e-3)


def test_what_is_not_measured_follows_the_correlations() -> None:
    parameters = likeliest_parameters({"face_width": 150.0})
    assert parameters["width"] > 1.5
    assert parameters["jaw"] > 0.5
    assert parameters["forehead"] == pytest.approx(0, abs=1e-9)


def test_without_measurements_the_likeliest_head_is_the_mean() -> None:
    assert set(likeliest_parameters({}).values()) == {0.0}


@pytest.mark.parametrize(
    ("measurements", "message"),
    [
        ({"hat": 58.0}, "no measurement is called 'hat'"),
        ({"face_width": -1.0}, "positive millimetres"),
        ({"face_width": float("nan")}, "positive millimetres"),
        ({"face_width": 300.0}, r"out of proportion: adults have face_width 134\.0 \+- 5\.0 mm"),
    ],
)
def test_impossible_measurements_are_refused(measurements: dict[str, float], message: str) -> None:
    with pytest.raises(HeadError, match=message):
        likeliest_parameters(measurements)
