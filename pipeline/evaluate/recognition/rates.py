"""Error rates of scores: how often people are recognised, and how often taken for another."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int
from numpy.typing import NDArray

FAR_LEVELS = (1e-2, 1e-3, 1e-4)
# At a level with fewer impostors above the threshold than this, chance decides.
_LEAST_FALSE_ACCEPTS = 10


@dataclass(frozen=True, eq=False)
class Ranked:
    """Pairs by falling score, so that rates for any weights of the pairs are sums.

    Attributes:
        order: places of the pairs, by falling score.
        same: whether both faces are of one person, in that order.
        last: True per pair that is the last of its score; thresholds lie only there.
    """

    order: NDArray[np.int64]
    same: NDArray[np.bool_]
    last: NDArray[np.bool_]

    def rates(
        self, weight: Float64[np.ndarray, " n"] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns false and true accept rates at every threshold, both rising from 0.

        Args:
            weight: of the pairs, as they were ranked from; None counts each once.
        """
        ordered = np.ones(len(self.same)) if weight is None else weight[self.order]
        genuine = np.cumsum(np.where(self.same, ordered, 0.0))
        impostor = np.cumsum(ordered) - genuine
        far = impostor[self.last] / max(impostor[-1], np.finfo(float).tiny)
        tar = genuine[self.last] / max(genuine[-1], np.finfo(float).tiny)
        return np.concatenate([[0.0], far]), np.concatenate([[0.0], tar])


def rank(scores: Float64[np.ndarray, " n"], same: Bool[np.ndarray, " n"]) -> Ranked:
    """Ranks pairs.

    Args:
        scores: larger for more alike.
        same: whether both faces are of one person.

    Example:
        >>> ranked = rank(np.array([0.9, 0.1, 0.5]), np.array([True, False, False]))
        >>> tar_at(*ranked.rates(), 0.01)
        1.0
    """
    order = np.argsort(-scores, kind="stable").astype(np.int64)
    ordered = scores[order]
    return Ranked(order, same[order], np.append(ordered[1:] != ordered[:-1], True))


def tar_at(far: Float64[np.ndarray, " k"], tar: Float64[np.ndarray, " k"], level: float) -> float:
    """The true accept rate at the loosest threshold with a false accept rate of at most `level`."""
    return float(tar[np.searchsorted(far, level, side="right") - 1])


def equal_error_rate(far: Float64[np.ndarray, " k"], tar: Float64[np.ndarray, " k"]) -> float:
    """Where as many people are taken for another as are not recognised, between thresholds linearly."""
    gap = far - (1.0 - tar)
    after = int(np.argmax(gap >= 0))
    if after == 0:
        return float(far[0])
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(far[after - 1] + share * (far[after] - far[after - 1]))


def measurable(level: float, impostors: int) -> bool:
    """Whether a false accept rate can be told from so many impostor pairs."""
    return impostors * level >= _LEAST_FALSE_ACCEPTS


def fold_accuracy(
    scores: Float64[np.ndarray, " n"], same: Bool[np.ndarray, " n"], fold: Int[np.ndarray, " n"]
) -> float:
    """Mean accuracy over folds, each at the threshold that is best on the others (as on LFW)."""
    accuracies = []
    for number in np.unique(fold):
        test = fold == number
        threshold = _best_threshold(scores[~test], same[~test])
        accuracies.append(float(((scores[test] >= threshold) == same[test]).mean()))
    return float(np.mean(accuracies))


def _best_threshold(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    ranked = rank(scores, same)
    # Right so far: genuine pairs above the threshold and impostors below it.
    right = np.cumsum(np.where(ranked.same, 1, -1))[ranked.last]
    ordered = scores[ranked.order][ranked.last]
    at = int(right.argmax())
    below = ordered[at + 1] if at + 1 < len(ordered) else ordered[at] - 1.0
    return float((ordered[at] + below) / 2)
