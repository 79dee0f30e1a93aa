"""What a view is sampled with besides its points and its photo."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int16, Int32, UInt8


def _no_shares() -> np.ndarray:
    return np.zeros((2, 0, 0), np.uint8)


@dataclass(frozen=True)
class ViewCells:
    """What varies slowly over a view, for squares of `cell_px` pixels.

    Shares are of 255, for the head (0) and the backdrop (1).
    """

    cell_px: int = 1
    twins: UInt8[np.ndarray, "2 side side"] = field(default_factory=_no_shares)
    """Share of the point at -x, the twin on the other half of the head."""
    fill: UInt8[np.ndarray, "2 side side"] = field(default_factory=_no_shares)
    """Share of the colour of trusted pixels around."""
    trust: UInt8[np.ndarray, "2 side side"] = field(default_factory=_no_shares)
    """How much such a colour is made of this cell."""
    offsets: Int16[np.ndarray, "4 side side"] = field(default_factory=lambda: np.zeros((4, 0, 0), np.int16))
    """Added to positions on the head, in 1/64 px of the source: x and y of a point, and of its twin."""

    @property
    def side(self) -> int:
        """Cells to a side; 0 for none."""
        return int(self.twins.shape[1])


@dataclass(frozen=True)
class Edges:
    """Pixels that the head's outline crosses, and the other kind that they see: backdrop, or head."""

    pixel: Int32[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, np.int32))
    """Number of the pixel, counted row by row."""
    points: Float32[np.ndarray, "3 n"] = field(default_factory=lambda: np.zeros((3, 0), np.float32))
    """The point of the other kind, in mm of the head frame."""
    share: UInt8[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """Its share of 255."""


NO_CELLS = ViewCells()
NO_EDGES = Edges()
