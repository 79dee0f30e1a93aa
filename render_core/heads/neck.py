"""The neck: an open tube that starts inside the head."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32

from render_core.heads.grid import grid_faces

_ROWS = 24
_COLUMNS = 64
# |sin|^(2/n): a circle at 2, a square at infinity. Necks are slightly squared by the muscles at their sides.
_SQUARENESS = 2.25


@dataclass(frozen=True)
class NeckSection:
    """A level cut through the neck: half its width, and where it begins and ends from front to back."""

    down_mm: float
    half_width_mm: float
    front_mm: float
    back_mm: float


def build_neck(sections: Sequence[NeckSection]) -> tuple[Float[np.ndarray, "n 3"], Int32[np.ndarray, "f 3"]]:
    """The tube through the sections, from top to bottom, in the face frame (lateral, down, forward)."""
    known = np.array([[s.half_width_mm, s.front_mm, s.back_mm] for s in sections])
    levels = np.array([s.down_mm for s in sections])
    down = np.linspace(levels[0], levels[-1], _ROWS)
    half_width, front, back = (np.interp(down, levels, column)[:, None] for column in known.T)
    angle = np.linspace(-np.pi, np.pi, _COLUMNS, endpoint=False)
    lateral = half_width * _squared(np.sin(angle))
    forward = (front + back) / 2 + (front - back) / 2 * _squared(np.cos(angle))
    points = np.stack([lateral, np.broadcast_to(down[:, None], lateral.shape), forward], axis=-1)
    return points.reshape(-1, 3), grid_faces(_ROWS, _COLUMNS)


def _squared(wave: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(wave) * np.abs(wave) ** (2 / _SQUARENESS))
