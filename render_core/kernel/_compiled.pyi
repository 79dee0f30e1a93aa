from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]

def sample_view(
    points: _Array,
    head_mask: _Array,
    source: _Array,
    projection: _Array,
    weights: _Array,
    twins: _Array,
    fill: _Array,
    trust: _Array,
    offsets: _Array,
    edge_pixels: _Array,
    edge_points: _Array,
    edge_shares: _Array,
    out: _Array,
    size_hw: tuple[int, int],
    source_hw: tuple[int, int],
    taps: int,
    side: int,
    cell_px: int,
    edges: int,
    channels: int,
    path: int | None,
    /,
) -> None: ...
def interface() -> int: ...
def best_path() -> str: ...
def look_at_cells(
    points: _Array,
    normals: _Array,
    seen: _Array,
    margins: _Array,
    outline: _Array,
    facing: _Array,
    is_face: _Array,
    glances: _Array,
    places: _Array,
    constants: _Array,
    twins: _Array,
    fill: _Array,
    trust: _Array,
    offsets: _Array,
    counts: _Array,
    range_: _Array,
    views: int,
    side: int,
    yaws: int,
    pitches: int,
    /,
) -> None: ...
