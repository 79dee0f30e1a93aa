"""How far a mean over a data set would move with other faces: bootstrap intervals.

Faces are drawn again, with replacement, as many as there are (Efron, 1979). Photos of one person are alike:
where people are known it is people who are drawn, with all their photos.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

DRAWS = 1000
COVERED_PERCENT = 95.0
_SEED = 0

Interval = tuple[float, float]


def mean_interval(values: Float[np.ndarray, " n"], person: Int[np.ndarray, " n"]) -> Interval | None:
    """Between which means 95 % of the draws lie.

    Args:
        values: One number per face; NaN does not count.
        person: The same number for photos of one person.

    Returns:
        The lower and the upper end; None with fewer than two people.

    Example:
        >>> low, high = mean_interval(np.array([1.0, 2.0, 3.0]), np.arange(3))
        >>> low < 2 < high
        True
    """
    return _interval(values, person, lambda kept, weight: float(np.average(kept, weights=weight)))


def median_interval(values: Float[np.ndarray, " n"], person: Int[np.ndarray, " n"]) -> Interval | None:
    """The same for the median."""
    order = np.argsort(values)
    return _interval(values[order], person[order], _sorted_median)


def _sorted_median(values: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """The median of sorted values, each as often as its weight says."""
    below = np.cumsum(weight)
    low, high = np.searchsorted(below, [below[-1] / 2, below[-1] / 2 + 0.5], side="left")
    return float((values[low] + values[min(high, len(values) - 1)]) / 2)


def _interval(
    values: NDArray[np.float64],
    person: NDArray[np.int64],
    middle: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
) -> Interval | None:
    known = np.isfinite(values)
    people, number = np.unique(person[known], return_inverse=True)
    if len(people) < 2:
        return None
    rng = np.random.default_rng(_SEED)
    draws = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), DRAWS)
    middles = [middle(values[known], draw[number].astype(np.float64)) for draw in draws]
    tail = (100 - COVERED_PERCENT) / 2
    low, high = np.percentile(middles, [tail, 100 - tail])
    return float(low), float(high)
