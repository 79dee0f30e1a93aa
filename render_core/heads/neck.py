"""The neck: an open tube that starts inside the head."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32

from render_core.heads.grid import grid_faces

# (share of the height from, share to, rows): dense where the neck leaves the head.
_ROWS = ((0.0, 0.35, 20), (0.35, 1.0, 10))
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
    shares = [np.linspace(start, stop, rows, endpoint=False) for start, stop, rows in _ROWS]
    share = np.append(np.concatenate(shares), 1.0)
    down = sections[0].down_mm + share * (sections[-1].down_mm - sections[0].down_mm)
    half_width, half_depth, middle = (column[:, None] for column in _cuts(down, sections))
    angle = np.linspace(-np.pi, np.pi, _COLUMNS, endpoint=False)
    lateral = half_width * _squared(np.sin(angle))
    forward = middle + half_depth * _squared(np.cos(angle))
    points = np.stack([lateral, np.broadcast_to(down[:, None], lateral.shape), forward], axis=-1)
    return points.reshape(-1, 3), grid_faces(len(down), _COLUMNS)


def level_gap_mm(
    points: Float[np.ndarray, "n 3"], sections: Sequence[NeckSection]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 3"]]:
    """How far points lie outside the tube on level lines from its axis (inside: negative), and these lines.

    The tube goes on unchanged above its first section and below its last one.
    """
    half_width, half_depth, middle = _cuts(points[:, 1], sections)
    offset = np.stack([points[:, 0], np.zeros(len(points)), points[:, 2] - middle], axis=1)
    distance = np.maximum(np.linalg.norm(offset, axis=1), 1e-9)
    # (|x / w|^n + |z / d|^n)^(1/n) is 1 on the tube, and grows evenly along a line from the axis.
    n = _SQUARENESS
    share = (np.abs(offset[:, 0] / half_width) ** n + np.abs(offset[:, 2] / half_depth) ** n) ** (1 / n)
    return distance * (1.0 - 1.0 / np.maximum(share, 1e-9)), offset / distance[:, None]


def _cuts(down: np.ndarray, sections: Sequence[NeckSection]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half the width, half the depth and the middle from front to back, at levels."""
    levels = [s.down_mm for s in sections]
    half_width = np.interp(down, levels, [s.half_width_mm for s in sections])
    half_depth = np.interp(down, levels, [(s.front_mm - s.back_mm) / 2 for s in sections])
    middle = np.interp(down, levels, [(s.front_mm + s.back_mm) / 2 for s in sections])
    return half_width, half_depth, middle


def _squared(wave: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(wave) * np.abs(wave) ** (2 / _SQUARENESS))
