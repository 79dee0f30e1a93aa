"""The skin of a head without ears and neck: a smooth base, with nose, lips and eyes modelled onto it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from render_core.heads.eyes import Eye
from render_core.heads.solids import Solid, smooth_minimum
from render_core.heads.thin_plate import RadialSurface

# Height above the base along the ray, against true distance: cheeks and jaw lean on the rays.
_BASE_SLOPE = 0.8
# Nothing that is modelled rises further above the base.
_START_ABOVE_MM = 45.0
_STEP = 0.85
_CLOSE_MM = 0.01
_MOST_STEPS = 60
# Depths in front of the base's centre between which a frontal view meets the skin.
_DEPTHS_MM = (-25.0, 115.0)
# Solids that reach this close to the middle of the face meet their mirror images there.
_MIDDLE_MM = 6.0
_MIRROR_REACH_MM = 14.0
_MIRROR_BLEND_MM = 2.0


@dataclass(frozen=True)
class Skin:
    """The left half of a face; the right half is its mirror image."""

    base: RadialSurface
    solids: tuple[Solid, ...]
    eye: Eye

    def point_mm(self, directions: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """The outermost point of the skin along unit directions (lateral >= 0) from the base's centre."""
        base_radius = self.base.radius_mm(directions)
        radius = base_radius + _START_ABOVE_MM
        moving = np.arange(len(directions))
        # Sphere tracing from outside (Hart 1996): the distance is a safe step towards the skin.
        for _ in range(_MOST_STEPS):
            points = self.base.centre_mm + directions[moving] * radius[moving, None]
            distance = self._distance_mm(points, _BASE_SLOPE * (radius[moving] - base_radius[moving]))
            radius[moving] -= _STEP * distance
            moving = moving[np.abs(distance) > _CLOSE_MM]
            if not len(moving):
                break
        return np.asarray(self.base.centre_mm + directions * radius[:, None])

    def seen_from_front_mm(self, lateral_down_mm: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 3"]:
        """The points of the skin at (lateral >= 0, down) as a frontal view shows them.

        For a point beyond the silhouette, the result is the nearest skin at the depth of the silhouette.
        """
        wanted = lateral_down_mm - self.base.centre_mm[:2]
        low, high = (np.full(len(wanted), depth) for depth in _DEPTHS_MM)
        # The further forward a ray leaves, the closer to the axis it leaves the skin: halve the depths.
        for _ in range(24):
            depth = (low + high) / 2
            rays = np.column_stack([wanted, depth])
            hit = self.point_mm(rays / np.linalg.norm(rays, axis=1, keepdims=True)) - self.base.centre_mm
            outside = np.linalg.norm(hit[:, :2], axis=1) > np.linalg.norm(wanted, axis=1)
            low, high = np.where(outside, depth, low), np.where(outside, high, depth)
        return np.asarray(hit + self.base.centre_mm)

    def _distance_mm(self, points: np.ndarray, base_mm: np.ndarray) -> np.ndarray:
        distance = base_mm
        near_middle = np.flatnonzero(points[:, 0] < _MIRROR_REACH_MM)
        for solid in self.solids:
            other = solid.distance_mm(points)
            if _meets_its_mirror_image(solid) and len(near_middle):
                mirrored = solid.distance_mm(points[near_middle] * [-1, 1, 1])
                blend = max(solid.blend_mm, _MIRROR_BLEND_MM)
                other[near_middle] = smooth_minimum(other[near_middle], mirrored, blend)
            if solid.operation == "add":
                distance = smooth_minimum(distance, other, solid.blend_mm)
            else:
                distance = -smooth_minimum(-distance, other, solid.blend_mm)
        return self.eye.set_into(distance, points)


def _meets_its_mirror_image(solid: Solid) -> bool:
    return solid.at_mm[0] > 0 and solid.at_mm[0] - max(solid.radii_mm) < _MIDDLE_MM


def mirrored_points(half: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "m 3"]:
    """Points of the left half and the middle, followed by the mirror images of those of the left half."""
    return np.concatenate([half, half[half[:, 0] > 0] * [-1, 1, 1]])
