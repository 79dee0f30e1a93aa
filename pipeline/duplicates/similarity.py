"""Which faces are most alike, and how far each lies from its subject, by the cosine of embeddings."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import NDArray

_BLOCK = 1024


def most_alike_before(
    vectors: Float32[np.ndarray, "n d"], advance: Callable[[int], object] = lambda faces: None
) -> tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
    """Finds, for each face, the most alike of those before it, in time that grows with the square of n.

    Args:
        vectors: embeddings of norm 1; rows of NaN are nobody's match.
        advance: is called with the number of faces done since.

    Returns:
        Place of the other face, -1 where there is none, and the cosine, NaN where there is none.
    """
    n = len(vectors)
    place, cosine = np.full(n, -1, np.int64), np.full(n, np.nan, np.float32)
    good = np.isfinite(vectors).all(axis=1)
    known = np.where(good[:, None], vectors, 0).astype(np.float32)
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        best, where = np.full(len(rows), -2, np.float32), np.full(len(rows), -1, np.int64)
        for first in range(0, int(rows[-1]), _BLOCK):
            columns = np.arange(first, min(first + _BLOCK, n))
            scores = known[rows] @ known[columns].T
            scores[(columns[None] >= rows[:, None]) | ~good[columns][None]] = -2
            at = scores.argmax(axis=1)
            found = scores[np.arange(len(rows)), at]
            better = found > best
            best[better], where[better] = found[better], columns[at[better]]
        fine = good[rows] & (where >= 0)
        place[rows[fine]], cosine[rows[fine]] = where[fine], best[fine]
        advance(len(rows))
    return place, cosine


def centre_similarity(
    vectors: Float32[np.ndarray, "n d"], subject: Int64[np.ndarray, " n"]
) -> NDArray[np.float32]:
    """The cosine between each face and the mean of the other faces of its subject.

    Args:
        vectors: embeddings of norm 1; rows of NaN do not count.
        subject: number of the subject, -1 for none.

    Returns:
        NaN for faces without a subject, without an embedding, or alone.
    """
    good = np.isfinite(vectors).all(axis=1) & (subject >= 0)
    sums = np.zeros((int(subject.max(initial=-1)) + 1, vectors.shape[1]), np.float64)
    np.add.at(sums, subject[good], vectors[good])
    found = np.full(len(vectors), np.nan, np.float32)
    others = sums[subject[good]] - vectors[good]
    norms = np.linalg.norm(others, axis=1)
    counts = np.bincount(subject[good], minlength=len(sums))[subject[good]]
    cosine = (others * vectors[good]).sum(axis=1) / np.maximum(norms, 1e-12)
    found[good] = np.where(counts > 1, cosine, np.nan)
    return found
