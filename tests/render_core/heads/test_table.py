from importlib import resources
from typing import Any

import numpy as np
import yaml

from render_core.heads.table import Frame, head_table


def raw_table() -> dict[str, Any]:
    text = resources.files("render_core.heads").joinpath("heads.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.safe_load(text)
    return table


def test_every_part_of_the_table_names_its_source() -> None:
    raw = raw_table()
    parts = [raw[key] for key in ("eye", "neck", "ear", "landmarks", "correlations", "variants", "frame")]
    parts += raw["base"]["groups"] + raw["solids"] + raw["parameters"] + raw["measurements"]
    assert [part for part in parts if not part.get("source")] == []


def test_points_belong_to_the_left_half_of_a_head() -> None:
    points = head_table().base_points_mm
    assert points[:, 0].min() == 0
    # A head of the largest adults: 175 mm wide, 220 mm long (ANSUR II, 99th percentiles, rounded up).
    assert points[:, 0].max() < 88
    assert np.ptp(points[:, 2]) < 220


def test_the_landmarks_are_the_middle_and_the_left_half() -> None:
    landmarks = head_table().landmarks_mm
    middle = {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}
    assert {row for row, at in landmarks.items() if at[0] == 0} == middle
    assert len(landmarks) == (68 - len(middle)) // 2 + len(middle)


def test_the_correlations_belong_to_a_population() -> None:
    correlation = head_table().correlation
    np.testing.assert_array_equal(correlation, correlation.T)
    assert np.linalg.eigvalsh(correlation).min() > 0.1


def test_variants_spread_over_every_parameter_and_differ() -> None:
    scores = np.array(list(head_table().variants.values()))
    assert scores.shape == (10, len(head_table().parameters))
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(scores.std(axis=0), 1, atol=0.01)
    correlations = np.corrcoef(scores.T) - np.eye(scores.shape[1])
    assert np.abs(correlations).max() < 0.5


def test_the_frame_turns_scales_and_moves() -> None:
    frame = Frame(2.0, 90.0, (1.0, 2.0, 3.0))
    # Forward (0, 0, 1) is (0, 0, -1) in the head frame, and (0, 1, 0) after nodding by a quarter turn.
    np.testing.assert_allclose(frame.to_head(np.array([[0.0, 0, 1], [1, 0, 0]])), [[1, 4, 3], [3, 2, 3]])
