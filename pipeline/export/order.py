"""The order of an export, and where it is cut into shards."""

from itertools import pairwise
from typing import Literal

import numpy as np

from pipeline.export.index import ViewIndex

Order = Literal["job", "shuffled", "subject"]


def ordered(index: ViewIndex, order: Order, seed: int) -> np.ndarray:
    """int64 (n,): all places of the index.

    `job`: as the manifest has them; `subject`: sorted by subject, those of each as the manifest has them;
    `shuffled`: by chance, the same for a seed on every machine and for ever.
    """
    if order == "subject":
        return np.argsort(index.face_subject[index.face], kind="stable")
    places = np.arange(len(index))
    return np.argsort(scattered(places, seed), kind="stable") if order == "shuffled" else places


def cut(index: ViewIndex, places: np.ndarray, size: int, order: Order) -> list[np.ndarray]:
    """Shards of `size` views; in the order of subjects larger ones, for none is spread over two."""
    if order != "subject":
        return [places[at : at + size] for at in range(0, len(places), size)]
    subjects = index.face_subject[index.face[places]]
    bounds = [0]
    for end in [*np.flatnonzero(np.diff(subjects)) + 1, len(places)]:
        if end - bounds[-1] >= size or end == len(places):
            bounds.append(int(end))
    return [places[begin:end] for begin, end in pairwise(bounds) if end > begin]


def scattered(numbers: np.ndarray, seed: int) -> np.ndarray:
    """uint64: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of each number, its state begun with the seed.

    NumPy's own permutations may change from version to version.
    """
    golden, mix_1, mix_2 = (
        np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
    )
    state = np.array(seed % 2**64, dtype=np.uint64)
    z = state * mix_1 + (numbers.astype(np.uint64) + np.uint64(1)) * golden
    z = (z ^ (z >> np.uint64(30))) * mix_1
    z = (z ^ (z >> np.uint64(27))) * mix_2
    scattered: np.ndarray = z ^ (z >> np.uint64(31))
    return scattered
