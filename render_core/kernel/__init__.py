"""What a photo shows of a view, and the look-up: compiled where there was a compiler, else in NumPy.

Both give the same bytes on every machine: positions and shares are single float32 operations in a fixed
order, and the look-up is whole numbers. `look.c`, `sampling.c` and `fill.c` are compiled; the modules
`readable*` are their NumPy.
"""

import logging
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int16, UInt8

from render_core.kernel import readable, readable_look
from render_core.kernel.inputs import NO_CELLS, NO_EDGES, Edges, ViewCells
from render_core.kernel.look import CellTable, Glance, Looked, PhotoLimits, empty_look, look_constants
from render_core.kernel.weights import BORDER_AFTER_PX, BORDER_BEFORE_PX

_INTERFACE = 1
"""The version of the compiled functions that this module calls, as in `module.c`."""

try:
    from render_core.kernel import _compiled

    # A checkout keeps the kernel that was built before the sources changed.
    if not hasattr(_compiled, "interface") or _compiled.interface() != _INTERFACE:
        _compiled = None  # type: ignore[assignment]
        _WHY = "its compiled kernel is of another version"
except ImportError:  # installed from source without a compiler
    _compiled = None  # type: ignore[assignment]
    _WHY = "it was installed without a C compiler"
if _compiled is None:
    logging.getLogger(__name__).warning(
        f"the renderer runs without its compiled kernel, because {_WHY}: same pictures, many times slower. "
        "Install a wheel, or install again from source with a C compiler."
    )

__all__ = [
    "BORDER_AFTER_PX",
    "BORDER_BEFORE_PX",
    "PATHS",
    "Edges",
    "Path",
    "ViewCells",
    "best_path",
    "look_at_cells",
    "sample_view",
]

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
    cells: ViewCells = NO_CELLS,
    edges: Edges = NO_EDGES,
    *,
    channels: int = 3,
    path: Path = "best",
) -> UInt8[np.ndarray, "h w channels"]:
    """The picture of a grid of points in a photo; no step depends on the machine.

    Args:
        points: Homogeneous points in mm of the head frame, one for each pixel of the picture, row by row.
        head_mask: True on the head, False on the backdrop.
        source: The photo, four channels, with a border of `BORDER_BEFORE_PX` and `BORDER_AFTER_PX` pixels.
        projection: Millimetres to pixels of the photo without its border.
        weights: Of the pixels around a position, see `render_core.kernel.weights`.
        cells: Twins, fills and offsets.
        edges: Pixels that the head's outline crosses.
        channels: 3 or 4, of the photo's four. The fourth is not filled.
        path: Which implementation; "simd" and "portable" are compiled.

    Raises:
        ValueError: arrays that do not belong together.
        RuntimeError: a path that is not there on this machine.
    """
    # Positions count from the first pixel of the border.
    bordered = np.array(projection, np.float64)
    bordered[:2] += BORDER_BEFORE_PX * bordered[2]
    P = bordered.astype(np.float32)
    if path == "numpy" or _compiled is None:
        if path in ("simd", "portable"):
            raise RuntimeError(f"path {path!r}: the compiled kernel is not there: expected 'best' or 'numpy'")
        return readable.sample_view(points, head_mask, source, P, weights, cells, edges, channels)
    out = np.empty((*head_mask.shape, channels), np.uint8)
    _compiled.sample_view(
        *(points, head_mask, source, P, weights, cells.twins, cells.fill, cells.trust, cells.offsets),
        *(edges.pixel, edges.points, edges.share, out, head_mask.shape, source.shape[:2], weights.shape[1]),
        *(cells.side, cells.cell_px, len(edges.pixel), channels, PATHS[path]),
    )
    return out


def look_at_cells(
    table: CellTable, glances: tuple[Glance, Glance], limits: PhotoLimits, *, path: Path = "best"
) -> Looked:
    """What a photo shows of cells, directly (first glance) and on the other half of the head (second).

    Raises:
        ValueError: arrays that do not belong together.
    """
    constants = look_constants(limits)
    if path == "numpy" or _compiled is None:
        return readable_look.look_at_cells(table, glances, constants)
    looked = empty_look(table.views, table.side)
    numbers = [(g.projection, g.direction, g.source_px_by_mm, g.shares) for g in glances]
    _compiled.look_at_cells(
        *(table.points, table.normals, table.seen, table.margins, table.outline, table.facing),
        table.is_face,
        np.concatenate([array.reshape(-1) for glance in numbers for array in glance]),
        np.array([glance.fan_place for glance in glances], np.int32),
        constants.as_array(),
        *(looked.twins, looked.fill, looked.trust, looked.offsets, looked.counts, looked.extent),
        *(table.views, table.side, *table.seen.shape[:2]),
    )
    return looked
