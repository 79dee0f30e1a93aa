"""Near-identical pictures by their difference hash, which survives compression, scaling and light.

64 bits: whether each of 8 x 8 patches is darker than its neighbour on the right.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from jaxtyping import Int64, UInt8, UInt64

MOST_BITS = 3
"""Hashes that differ in so few bits are the same picture. With four bands of 16 bits, one of which must be
equal then, none is missed."""

_BANDS = 4
_BAND_BITS = 16


def difference_hash(picture: UInt8[np.ndarray, "h w 3"]) -> int:
    """Returns the hash of a picture, 64 bits.

    Args:
        picture: BGR.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def same_pictures(hashes: UInt64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Groups near-identical pictures.

    Args:
        hashes: of the pictures.

    Returns:
        For each picture the place of the first that it is the same as: its own where it is the first.
    """
    parent = np.arange(len(hashes))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = int(parent[place])
        return place

    # Equal hashes first, so that a thousand copies are not compared with each other.
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    parent[:] = first[inverse]
    for one, other in _near_pairs(hashes, first):
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(place) for place in range(len(hashes))], dtype=np.int64)


def _near_pairs(hashes: np.ndarray, places: np.ndarray) -> Iterable[tuple[int, int]]:
    """Places whose hashes differ in few bits."""
    for band in range(_BANDS):
        keys = (hashes[places] >> np.uint64(band * _BAND_BITS)) & np.uint64(2**_BAND_BITS - 1)
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=np.uint64(2**_BAND_BITS)))
        for bucket in np.split(places[order], starts[1:]):
            for i in range(len(bucket) - 1):
                different = _count_bits(hashes[bucket[i + 1 :]] ^ hashes[bucket[i]])
                for other in bucket[i + 1 :][different <= MOST_BITS]:
                    yield int(bucket[i]), int(other)


def _count_bits(values: np.ndarray) -> np.ndarray:
    """Ones in each of n 64-bit numbers."""
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    return np.asarray(np.unpackbits(octets, axis=1).sum(axis=1))
