"""Rounded solids and how they melt into each other: the parts from which a face is modelled.

A solid is a signed distance in millimetres: negative inside, 0 on its surface. Everything is written for the
subject's left half of the face (lateral >= 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Operation = Literal["add", "carve"]


@dataclass(frozen=True)
class Solid:
    """An ellipsoid, or a capsule when `to_mm` is given, added to or carved out of what stands before it.

    `turn_deg` turns an ellipsoid about the lateral, the down and the forward axis, in this order. A capsule
    has the radius of `radii_mm[0]` at `at_mm` and of `radii_mm[1]` at `to_mm`. `blend_mm` is the width of the
    seam: 0 leaves a sharp crease.
    """

    name: str
    at_mm: tuple[float, float, float]
    radii_mm: tuple[float, ...]
    blend_mm: float
    operation: Operation = "add"
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    to_mm: tuple[float, float, float] | None = None

    def distance_mm(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """Signed distance of each point from the solid (from an ellipsoid: to first order, near it)."""
        if self.to_mm is not None:
            return _capsule(points, np.array(self.at_mm), np.array(self.to_mm), self.radii_mm)
        local = (points - np.array(self.at_mm)) @ rotation(self.turn_deg)
        scaled = local / np.array(self.radii_mm)
        size = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
        slope = np.sqrt(np.einsum("ij,ij->i", scaled, scaled / np.array(self.radii_mm) ** 2))
        # f = |p / r| - 1, divided by the length of its gradient |p / r^2| / |p / r|
        return np.asarray(size * (size - 1.0) / np.maximum(slope, 1e-9))


def smooth_minimum(
    a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"], blend_mm: float
) -> Float[np.ndarray, " n"]:
    """The smaller of two distances, rounded where they differ by less than `blend_mm`."""
    if blend_mm <= 0:
        return np.asarray(np.minimum(a, b))
    # min(a, b) - k h^2 / 4 with h = max(k - |a - b|, 0) / k: continuous slope at both ends of the seam.
    overlap = np.maximum(blend_mm - np.abs(a - b), 0.0) / blend_mm
    return np.asarray(np.minimum(a, b) - 0.25 * blend_mm * overlap**2)


def rotation(turn_deg: Sequence[float]) -> Float[np.ndarray, "3 3"]:
    """Rotation about the lateral, then the down, then the forward axis."""
    x, y, z = np.deg2rad(np.asarray(turn_deg, float))
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def _capsule(
    points: np.ndarray, start: np.ndarray, stop: np.ndarray, radii_mm: Sequence[float]
) -> np.ndarray:
    axis = stop - start
    along = np.clip((points - start) @ axis / (axis @ axis), 0.0, 1.0)
    offset = points - start - along[:, None] * axis
    radius = radii_mm[0] + along * (radii_mm[1] - radii_mm[0])
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", offset, offset)) - radius)
