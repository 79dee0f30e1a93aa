"""What a confidence means in degrees, for networks that define it as those of this project do."""

import math

# Networks are surer of themselves than they should be; and beyond the second, the pose is of no use.
_LEAST_DEG, _MOST_DEG = 2.0, 12.0
LOW_CONFIDENCE = 0.3
"""Below it a pose is expected to be more than 17 degrees off: often the box is wrong, or there is no face."""


def expected_error_deg(confidence: float) -> float:
    """The error of the rotation that a network expects of itself: confidence = 2^(-error / 10 degrees).

    Args:
        confidence: 0 to 1, as the network of the package and those that `training/` exports give it.

    Returns:
        Degrees; NaN for a number that is not such a confidence.

    Example:
        >>> expected_error_deg(0.5)
        10.0
    """
    if not 0 < confidence <= 1:
        return math.nan
    return -10 * math.log2(confidence) + 0.0


def assumed_error_deg(confidence: float | None, unknown_deg: float) -> float:
    """The error that a pose is better taken to have: what its network expects, within reason.

    Args:
        confidence: That of the pose; None where its network gives none.
        unknown_deg: The error where nothing is known of it.

    Example:
        >>> assumed_error_deg(0.1, 4.0), assumed_error_deg(None, 4.0)
        (12.0, 4.0)
    """
    expected = math.nan if confidence is None else expected_error_deg(confidence)
    return unknown_deg if math.isnan(expected) else min(max(expected, _LEAST_DEG), _MOST_DEG)
