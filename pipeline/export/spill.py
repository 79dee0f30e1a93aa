"""Arrays that may be larger than memory: beyond some megabytes they lie in files of a temporary folder."""

import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np

_CHUNK = 2**20
_HELD_BYTES = 2**23


class SpillFolder:
    """Makes large arrays. Their folder goes once nobody holds this object any more."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0

    def column(self, dtype: str, width: int | None = None) -> "GrowingArray":
        """An empty array of rows of `width` numbers, or of single ones."""
        return GrowingArray(self, np.dtype(dtype), width)

    def array(self, dtype: str, length: int) -> np.ndarray:
        """An array of so many numbers, not yet set."""
        if length <= _CHUNK:
            return np.zeros(length, dtype)
        return np.memmap(self.new_file(), dtype, "w+", shape=(length,))

    def new_file(self) -> Path:
        """Where to put another array."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="faceposenet-export-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._count += 1
        return self._folder / f"{self._count}.bin"


class GrowingArray:
    """An array that takes rows at its end."""

    def __init__(self, folder: SpillFolder, dtype: np.dtype, width: int | None) -> None:
        self._folder, self._dtype, self._width = folder, dtype, width
        self._held: list[np.ndarray] = []
        self._held_bytes = self._rows = 0
        self._path: Path | None = None

    def add(self, rows: np.ndarray) -> None:
        """Add rows."""
        self._held.append(np.array(rows, self._dtype))
        self._held_bytes += self._held[-1].nbytes
        self._rows += len(rows)
        if self._held_bytes > _HELD_BYTES:
            self._spill()

    def done(self) -> np.ndarray:
        """All rows; those in a file are read as they are needed."""
        shape = (self._rows,) if self._width is None else (self._rows, self._width)
        if self._path is None:
            held = [np.zeros(0, self._dtype), *(rows.ravel() for rows in self._held)]
            return np.concatenate(held).reshape(shape)
        self._spill()
        return np.memmap(self._path, self._dtype, "r", shape=shape)

    def _spill(self) -> None:
        self._path = self._path or self._folder.new_file()
        with self._path.open("ab") as file:
            for rows in self._held:
                file.write(rows.tobytes())
        self._held, self._held_bytes = [], 0


def chunks(length: int) -> list[slice]:
    """Slices of a million that make up an array.

    Example:
        for rows in chunks(len(array)): array[rows]
    """
    return [slice(at, min(at + _CHUNK, length)) for at in range(0, length, _CHUNK)]
