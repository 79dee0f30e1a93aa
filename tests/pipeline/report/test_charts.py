import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.report.charts import (
    angle_chart,
    confidence_chart,
    done_chart,
    pose_map,
    rate_chart,
    side_chart,
)
from pipeline.report.tally import Histogram


def histogram(values: np.ndarray, width: float) -> Histogram:
    found = Histogram(width)
    found.add(values)
    return found


NORMAL = np.random.default_rng(0).normal(size=1000)
COUNTS = np.zeros((72, 72), np.int64)
COUNTS[30:40, 36:38] = 5
CHARTS: dict[str, Callable[[], str]] = {
    "yaw": lambda: angle_chart("yaw", histogram(20 * NORMAL, 0.125), "right", "left"),
    "one angle": lambda: angle_chart("yaw", histogram(np.zeros(1), 0.125), "right", "left"),
    "sides": lambda: side_chart(histogram(7 + NORMAL, 1 / 64)),
    "one side": lambda: side_chart(histogram(np.full(9, 6.5), 1 / 64)),
    "confidence": lambda: confidence_chart(histogram(NORMAL, 1 / 2048)),
    "one confidence": lambda: confidence_chart(histogram(np.ones(3), 1 / 2048)),
    "rate": lambda: rate_chart(np.array([3.0, 0, 5]), np.array([0.0, 4000, 8000, 12000])),
    "done": lambda: done_chart(np.array([0.0, 4, 9]), np.array([0, 5, 10])),
    "map": lambda: pose_map(COUNTS, 5),
    "one face": lambda: pose_map(np.eye(72, dtype=np.int64) * (np.arange(72) == 36), 5),
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_fits_into_a_page(name: str) -> None:
    svg = CHARTS[name]()
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "viewBox" in root.attrib and "width" not in root.attrib
    # Nothing that would reach out of the chart: styles, scripts, links, colours of its own.
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "path", "defs", "use", "text", "clipPath", "rect"}
    assert set(re.findall(r"href=\"(.)", svg)) <= {"#"}
    assert not re.findall(r"#[0-9a-f]{6}\b(?!\")", svg.replace("href=", ""))
    assert "var(--accent)" in svg and "var(--muted)" in svg


def test_ids_of_two_charts_differ_and_are_referred_to() -> None:
    ids = [set(re.findall(r'\bid="([^"]+)"', CHARTS[name]())) for name in ("yaw", "sides", "done")]
    assert not ids[0] & ids[1] and not ids[1] & ids[2]
    for name, own in zip(("yaw", "sides", "done"), ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', CHARTS[name]())) <= own


def test_a_chart_is_the_same_each_time() -> None:
    assert CHARTS["yaw"]() == CHARTS["yaw"]()


def test_bars_are_as_high_as_the_counts() -> None:
    """The path of the bars, measured against the marks of the scale."""
    svg = angle_chart("yaw", histogram(np.repeat([-20.0, 0.0, 20.0], [1, 4, 2]), 0.125), "right", "left")
    path = re.search(r'<path d="([^"]+)"[^>]*style="fill: var\(--accent\)', svg)
    assert path is not None
    points = np.array([[float(n) for n in pair] for pair in re.findall(r"[ML] (\S+) (\S+)", path[1])])
    heights = points[:, 1].max() - np.unique(points[:, 1].round(3))
    np.testing.assert_allclose(sorted(heights / heights.max()), [0, 0.25, 0.5, 1.0], atol=1e-3)
