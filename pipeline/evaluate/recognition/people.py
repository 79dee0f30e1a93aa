"""Intervals by bootstrap over people: the pairs of one person are not independent, people are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from pipeline.evaluate.intervals import COVERED_PERCENT, DRAWS
from pipeline.evaluate.recognition.pairs import Pairs

_TAIL = (100 - COVERED_PERCENT) / 2
PERCENTILES = (_TAIL, 100 - _TAIL)
_SEED = 0
# Millions of pairs are drawn less often, or it would take hours.
_LEAST_DRAWS = 100
_MOST_WEIGHTS = 2e8


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} [{self.low:.1f}, {self.high:.1f}]"


def weights_of_people(pairs: Pairs) -> Iterator[Float64[np.ndarray, " n"]]:
    """Weights of the pairs in each replicate, in which as many people are drawn with replacement.

    A pair of one person counts as often as the person was drawn, a pair of two as often as both together.
    The same people are drawn for the same number of people, so that replicates of several alignments pair up.
    """
    people = int(pairs.person.max()) + 1
    rng = np.random.default_rng(_SEED)
    replicates = int(np.clip(_MOST_WEIGHTS / max(len(pairs.same), 1), _LEAST_DRAWS, DRAWS))
    first, second = pairs.person[pairs.first], pairs.person[pairs.second]
    for _ in range(replicates):
        drawn: Int64[np.ndarray, " people"] = np.bincount(rng.integers(0, people, people), minlength=people)
        yield np.where(pairs.same, drawn[first], drawn[first] * drawn[second]).astype(np.float64)


def intervals(
    pairs: Pairs, measures: Mapping[str, Callable[[NDArray[np.float64] | None], float]]
) -> dict[str, tuple[Estimate, NDArray[np.float64]]]:
    """Values with their intervals, and the values of the replicates for paired differences.

    Args:
        pairs: what the measures are of.
        measures: weights of the pairs, or None for all once, to a value; by name.
    """
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for weight in weights_of_people(pairs):
        for name, measure in measures.items():
            samples[name].append(measure(weight))
    found = {}
    for name, measure in measures.items():
        replicates = np.array(samples[name])
        low, high = np.percentile(replicates, PERCENTILES)
        found[name] = (Estimate(measure(None), float(low), float(high)), replicates)
    return found


def difference(
    one: tuple[Estimate, NDArray[np.float64]], other: tuple[Estimate, NDArray[np.float64]]
) -> Estimate:
    """The paired difference of two values that were measured on the same replicates."""
    low, high = np.percentile(one[1] - other[1], PERCENTILES)
    return Estimate(one[0].value - other[0].value, float(low), float(high))
