"""Reading .mat files, for which SciPy is needed."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fpn_core import MissingPackageError
from pipeline.evaluate.errors import DatasetError


def read_matlab(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .mat file by name. Raises MissingPackageError without SciPy, DatasetError for another
    file."""
    try:
        from scipy.io import loadmat  # noqa: PLC0415
        from scipy.io.matlab import MatReadError  # noqa: PLC0415
    except ImportError as error:
        raise MissingPackageError(
            "reading .mat files needs SciPy, which is not installed. Install it with"
            " pip install 'faceposenet[reference-heads]'."
        ) from error
    try:
        arrays = loadmat(str(path))
    except (OSError, ValueError, TypeError, MatReadError) as error:
        raise DatasetError(f"{path} is no .mat file that SciPy can read: {error}. Copy it again.") from error
    return {name: array for name, array in arrays.items() if not name.startswith("__")}
