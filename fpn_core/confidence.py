"""What a confidence means in degrees, for networks that define it as those of this project do."""

import math

LOW_CONFIDENCE = 0.3
"""Below it a pose is expected to be more than 17 degrees off: often the box is wrong, or there is no face."""


def expected_error_deg(confidence: float) -> float:
    """The error of the rotation that a network expects of itself: confidence = 2^(-error / 10 degrees).

    Args:
        confidence: 0 to 1, as fpn-open-v2 and networks that `training/` exports give it.

    Returns:
        Degrees; NaN for a number that is not such a confidence.

    Example:
        >>> expected_error_deg(0.5)
        10.0
    """
    if not 0 < confidence <= 1:
        return math.nan
    return -10 * math.log2(confidence) + 0.0
