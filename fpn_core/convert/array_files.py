"""Arrays out of .npy and .npz files without running what a stranger may have put into them."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fpn_core.errors import CheckpointError

_make_array = np.empty(0).__reduce__()[0]
_make_number = np.float64(0).__reduce__()[0]

_HARMLESS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _make_array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _make_number for core in ("core", "_core")},
}
"""All that a pickle of arrays names, as old and new NumPy spell it, and what this NumPy has for it."""


def read_arrays(path: Path, allow_pickle: bool = False) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz by their names, or the one of an .npy under its file's name.

    `allow_pickle`: also take arrays that were pickled, as long as the pickle holds arrays, numbers and texts
    only. Pickles of anything else are refused either way.

    Raises CheckpointError for files that are missing or no such file, and for refused pickles.
    """
    try:
        if path.suffix != ".npz":
            return {path.name: _read_array(io.BytesIO(path.read_bytes()), str(path), allow_pickle)}
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _read_array(
                    io.BytesIO(archive.read(name)), f"{path}/{name}", allow_pickle
                )
                for name in archive.namelist()
            }
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"cannot read the arrays of {path}: {error}. Expected a file written by NumPy; copy it again."
        ) from error


def _read_array(file: io.BytesIO, source: str, allow_pickle: bool) -> NDArray[Any]:
    version = npy.read_magic(file)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = header(file)
    if not dtype.hasobject:
        file.seek(0)
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return array
    if not allow_pickle:
        raise CheckpointError(
            f"{source} is pickled; such files can run programs when they are read. If you trust where it is"
            " from, give --allow-pickle (allow_pickle=True): then pickles of arrays are read, and of nothing"
            " else."
        )
    values = np.asarray(_ArraysOnly(file, encoding="latin1").load())
    return values.reshape(shape).astype(np.float64) if values.dtype.hasobject else values.reshape(shape)


class _ArraysOnly(pickle.Unpickler):
    """Refuses every name that a pickle of arrays does not need."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f"the pickle names {module}.{name}, which is not an array")
        return _HARMLESS[module, name]
