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
    out: _Array,
    size_hw: tuple[int, int],
    source_hw: tuple[int, int],
    taps: int,
    side: int,
    cell_px: int,
    channels: int,
    path: int | None,
    /,
) -> None: ...
def best_path() -> str: ...
