"""The order of an export, and where it is cut into shards. Memory does not grow with the number of views."""

from itertools import pairwise
from typing import Literal

import numpy as np

from pipeline.export.index import ViewIndex
from pipeline.export.spill import SpillFolder, chunks

Order = Literal["job", "shuffled", "subject"]
_PIECE = 2**21
"""Views that are sorted at a time."""


def ordered(index: ViewIndex, order: Order, seed: int) -> np.ndarray:
    """int64 (n,): all places of the index; it may lie in a file.

    `job`: as the manifest has them; `subject`: sorted by subject, those of each as the manifest has them;
    `shuffled`: by chance, the same for a seed on every machine and for ever.
    """
    if order == "subject":
        return _by_subject(index)
    if order == "shuffled":
        return _shuffled(index, seed)
    places = index.spill.array("int64", len(index))
    for rows in chunks(len(index)):
        places[rows] = np.arange(rows.start, rows.stop)
    return places


def _shuffled(index: ViewIndex, seed: int) -> np.ndarray:
    """Sorted by the number that each place is scattered to: first into ranges of numbers, then in each."""
    n_ranges = max(1, -(-len(index) // _PIECE))
    spill = SpillFolder()
    ranges = [spill.column("int64") for _ in range(n_ranges)]
    for rows in chunks(len(index)):
        places = np.arange(rows.start, rows.stop)
        # The upper 32 bits of a number, as a share of 2^32, times the number of ranges.
        which = ((scattered(places, seed) >> np.uint64(32)) * np.uint64(n_ranges)) >> np.uint64(32)
        for n in range(n_ranges):
            ranges[n].add(places[which == n])
    result, begin = index.spill.array("int64", len(index)), 0
    for some in ranges:
        places = np.array(some.done())
        result[begin : begin + len(places)] = places[np.argsort(scattered(places, seed), kind="stable")]
        begin += len(places)
    return result


def _by_subject(index: ViewIndex) -> np.ndarray:
    """Sorted by counting: where the views of each subject begin is known before any is put in its place."""
    counts = np.zeros(len(index.subjects) + 1, np.int64)  # of nobody first
    for rows in chunks(len(index)):
        counts += np.bincount(_labels(index, rows) + 1, minlength=len(counts))
    next_place = np.concatenate([[0], np.cumsum(counts)[:-1]])
    result = index.spill.array("int64", len(index))
    for rows in chunks(len(index)):
        label = _labels(index, rows) + 1
        order = np.argsort(label, kind="stable")
        of_label = np.bincount(label, minlength=len(counts))
        first = np.concatenate([[0], np.cumsum(of_label)[:-1]])
        rank = np.arange(len(label)) - first[label[order]]
        result[next_place[label[order]] + rank] = rows.start + order
        next_place += of_label
    return result


def _labels(index: ViewIndex, rows: slice) -> np.ndarray:
    return np.asarray(index.face_subject[np.asarray(index.face[rows])])


def cut(index: ViewIndex, places: np.ndarray, size: int, order: Order) -> list[np.ndarray]:
    """Shards of `size` views; in the order of subjects larger ones, for none is spread over two."""
    if order != "subject":
        return [places[at : at + size] for at in range(0, len(places), size)]
    bounds, last = [0], None
    for rows in chunks(len(places)):
        label = np.asarray(index.face_subject[np.asarray(index.face[np.asarray(places[rows])])])
        ends = (np.flatnonzero(np.diff(label)) + 1 + rows.start).tolist()
        if last is not None and last != label[0]:
            ends.insert(0, rows.start)
        last = label[-1]
        for end in ends:
            if end - bounds[-1] >= size:
                bounds.append(int(end))
    bounds.append(len(places))
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
    result: np.ndarray = z ^ (z >> np.uint64(31))
    return result
