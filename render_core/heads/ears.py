"""Ears: a shell with helix, antihelix, concha and lobe, set on the side of the head."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32

from render_core.heads.grid import grid_faces

_ANGLES = 44


@dataclass(frozen=True)
class Ear:
    """An ear in its own plane: millimetres behind and above the tragus, height out of the plane.

    `outline_mm` are points (behind, above) of the closed outer edge, from the front over the top. `relief`
    are rows (share of the way from the concha to the edge, height out of the plane in mm), and `skirt`
    continues beyond the edge on the back of the ear. The plane leans back by `lean_deg` and stands off the
    head by `angle_deg`.
    """

    tragus_mm: tuple[float, float, float]
    concha_mm: tuple[float, float]
    outline_mm: tuple[tuple[float, float], ...]
    relief: tuple[tuple[float, float], ...]
    skirt: tuple[tuple[float, float], ...]
    lean_deg: float
    angle_deg: float


def build_ear(ear: Ear) -> tuple[Float[np.ndarray, "n 3"], Int32[np.ndarray, "f 3"]]:
    """The left ear in the face frame (lateral, down, forward)."""
    outline = _closed_curve(np.array(ear.outline_mm), _ANGLES)
    rows = np.array(ear.relief + ear.skirt)
    concha = np.array(ear.concha_mm)
    # (behind, above) = concha + share (edge - concha)
    in_plane = concha + rows[:, 0, None, None] * (outline - concha)
    height = np.broadcast_to(rows[:, 1, None], in_plane.shape[:2]).copy()
    # The lobe is smooth: relief fades below the concha.
    lobe = np.clip((-12.0 - in_plane[..., 1]) / 8.0, 0.0, 1.0)
    height = np.where(height > -3.0, height * (1 - 0.8 * lobe), height)

    # Stand off: a turn about the upright axis through the tragus.
    stand_off = np.deg2rad(ear.angle_deg)
    lateral = in_plane[..., 0] * np.sin(stand_off) + height * np.cos(stand_off)
    behind = in_plane[..., 0] * np.cos(stand_off) - height * np.sin(stand_off)
    lean = np.deg2rad(ear.lean_deg)
    above = in_plane[..., 1] * np.cos(lean) - behind * np.sin(lean)
    behind = in_plane[..., 1] * np.sin(lean) + behind * np.cos(lean)
    x, down, forward = ear.tragus_mm
    points = np.stack([x + lateral, down - above, forward - behind], axis=-1)
    # Rows run outwards and columns against the clock, the other way round than on the head.
    return points.reshape(-1, 3), np.ascontiguousarray(grid_faces(len(rows), _ANGLES)[:, ::-1])


def _closed_curve(points: np.ndarray, count: int) -> np.ndarray:
    """A smooth closed curve through the points, at evenly spaced steps: a trigonometric interpolation."""
    closed = np.vstack([points, points[:1]])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    dense = 16 * count
    even = np.linspace(0, length[-1], dense, endpoint=False)
    curve = np.column_stack([np.interp(even, length, closed[:, k]) for k in range(2)])
    # Corners are rounded by leaving out all but the slow waves of the outline.
    waves = np.fft.rfft(curve, axis=0)
    waves[12:] = 0
    return np.asarray(np.fft.irfft(waves, dense, axis=0)[:: dense // count])
