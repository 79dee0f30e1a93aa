"""All face ids of a job as hashes, compared as sets in memory that does not grow with them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

_BUCKETS = 64
_HELD = 2**22
"""Hashes that are held before they are written to a temporary file: 32 MB."""


class SeenIds:
    """Groups of ids, as hashes of 8 bytes. Beyond some millions they lie in a temporary folder.

    Use as a context, which removes that folder.

    Example:
        with SeenIds() as seen:
            seen.add("posed", np.array([1, 2]))
            for bucket in seen.buckets("posed", "rejected"): ...
    """

    def __init__(self, held: int = _HELD) -> None:
        """`held`: how many are kept in memory."""
        self._limit = held
        self._held: dict[str, list[np.ndarray]] = {}
        self._n_held = 0
        self._counts: dict[str, int] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "SeenIds":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, group: str, hashes: np.ndarray) -> None:
        """Add ids to a group: int64 (n,)."""
        self._held.setdefault(group, []).append(hashes)
        self._counts[group] = self.count(group) + len(hashes)
        self._n_held += len(hashes)
        if self._n_held > self._limit:
            self._spill()

    def count(self, group: str) -> int:
        """How many ids were added to a group."""
        return self._counts.get(group, 0)

    def repeated(self, group: str) -> int:
        """How many ids of a group are there more than once, counting each time but the first."""
        return sum(len(ids) - len(np.unique(ids)) for (ids,) in self.buckets(group))

    def buckets(self, *groups: str) -> Iterator[tuple[np.ndarray, ...]]:
        """The ids of several groups piece by piece: equal ids of all groups are in the same piece."""
        if self._folder is None:
            yield tuple(_joined(self._held.get(group, [])) for group in groups)
            return
        self._spill()
        for bucket in range(_BUCKETS):
            yield tuple(self._read(group, bucket) for group in groups)

    def _spill(self) -> None:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="faceposenet-ids-")
        for group, arrays in self._held.items():
            hashes = _joined(arrays)
            bucket = hashes.view(np.uint64) >> np.uint64(58)
            order = np.argsort(bucket, kind="stable")
            bounds = np.searchsorted(bucket[order], np.arange(_BUCKETS + 1, dtype=np.uint64))
            for n in range(_BUCKETS):
                with self._path(group, n).open("ab") as file:
                    file.write(hashes[order[bounds[n] : bounds[n + 1]]].tobytes())
        self._held, self._n_held = {}, 0

    def _read(self, group: str, bucket: int) -> np.ndarray:
        path = self._path(group, bucket)
        return np.fromfile(path, np.int64) if path.exists() else np.zeros(0, np.int64)

    def _path(self, group: str, bucket: int) -> Path:
        assert self._folder is not None
        return Path(self._folder.name, f"{group}-{bucket}")


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *arrays])
