import math

import pytest

from fpn_core.confidence import assumed_error_deg


@pytest.mark.parametrize(
    ("confidence", "error_deg"),
    [(None, 4.0), (math.nan, 4.0), (-1.0, 4.0), (0.5, 10.0), (0.999, 2.0), (0.01, 12.0)],
)
def test_errors_are_those_of_the_network_within_reason(confidence: float | None, error_deg: float) -> None:
    assert assumed_error_deg(confidence, 4.0) == pytest.approx(error_deg)
