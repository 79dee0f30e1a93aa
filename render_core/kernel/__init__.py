"""The look-up of a view in a photo: compiled where the package was built with a compiler, else in NumPy.

Both give the same bytes on every machine: positions are single float32 operations in a fixed order, and
everything after them is whole numbers. `sampling.c` is the compiled one, `readable.py` the other.
"""

import logging
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int16, UInt8

from render_core.kernel import readable
from render_core.kernel.weights import BORDER_AFTER_PX, BORDER_BEFORE_PX

try:
    from render_core.kernel import _compiled
except ImportError:  # installed from source without a compiler
    _compiled = None  # type: ignore[assignment]
    logging.getLogger(__name__).warning(
        "the renderer runs without its compiled kernel: same pictures, many times slower. "
        "Install a wheel, or install from source with a C compiler."
    )

__all__ = ["BORDER_AFTER_PX", "BORDER_BEFORE_PX", "PATHS", "Path", "best_path", "sample_view"]

Path = Literal["best", "simd", "portable", "numpy"]
PATHS: dict[Path, int | None] = {"best": 0, "portable": 1, "simd": 2, "numpy": None}


def best_path() -> str:
    """The name of what `sample_view` runs here: `avx2`, `neon`, `portable` (compiled) or `numpy`.

    Example:
        >>> best_path() in ("avx2", "neon", "portable", "numpy")
        True
    """
    return "numpy" if _compiled is None else str(_compiled.best_path())


def sample_view(
    points: Float32[np.ndarray, "4 n"],
    head_mask: Bool[np.ndarray, "h w"],
    source: UInt8[np.ndarray, "sh sw 4"],
    projection: Float[np.ndarray, "3 4"],
    weights: Int16[np.ndarray, "steps taps"],
    twins: UInt8[np.ndarray, "2 side side"] | None = None,
    cell_px: int = 1,
    *,
    channels: int = 3,
    path: Path = "best",
) -> UInt8[np.ndarray, "h w channels"]:
    """The picture of a grid of points in a photo; no step depends on the machine.

    Args:
        points: Homogeneous points in mm of the head frame, one for each pixel of the picture, row by row.
        head_mask: True on the head, False on the backdrop: which of the two shares of twins a pixel takes.
        source: The photo, four channels, with a border of `BORDER_BEFORE_PX` and `BORDER_AFTER_PX` pixels.
        projection: Millimetres to pixels of the photo without its border.
        weights: Of the pixels around a position, see `render_core.kernel.weights`.
        twins: Shares of 255 that the point at -x has, for head (0) and backdrop (1), one for each square of
            `cell_px` pixels. None: no twins.
        cell_px: Side of a cell in pixels.
        channels: 3 or 4, of the photo's four.
        path: Which implementation; "simd" and "portable" are compiled.

    Raises:
        ValueError: arrays that do not belong together.
        RuntimeError: a path that is not there on this machine.
    """
    # Positions count from the first pixel of the border.
    bordered = np.array(projection, np.float64)
    bordered[:2] += BORDER_BEFORE_PX * bordered[2]
    P = bordered.astype(np.float32)
    cells = np.zeros((2, 0, 0), np.uint8) if twins is None else twins
    if path == "numpy" or _compiled is None:
        if path in ("simd", "portable"):
            raise RuntimeError(f"path {path!r}: the compiled kernel is not there: expected 'best' or 'numpy'")
        return readable.sample_view(points, head_mask, source, P, weights, cells, cell_px, channels)
    out = np.empty((*head_mask.shape, channels), np.uint8)
    _compiled.sample_view(
        *(points, head_mask, source, P, weights, cells, out),
        *(head_mask.shape, source.shape[:2], weights.shape[1], cells.shape[1], cell_px, channels),
        PATHS[path],
    )
    return out
