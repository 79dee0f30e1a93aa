"""Which points of a head a camera sees, from any direction: shadow maps drawn once per head.

Whether a point is seen depends on the direction from which the camera looks, hardly on its distance. So the
head is drawn from a fan of directions once, every grid looks up its own points in those depth maps, and per
photo nothing is left but to interpolate between the nearest directions.
"""

from dataclasses import dataclass
from math import asin, atan2, degrees

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.head import Head, ViewedHead, views_to_mesh
from render_core.raster import rasterize
from render_core.view import angles_to_rotation

# The fan: where cameras of real photos are. Beyond it the outermost direction stands in.
YAWS_DEG = np.arange(-90.0, 91.0, 15.0)
PITCHES_DEG = np.array([-30.0, 0.0, 30.0])
_MAP_SIZE_PX = 128
_MAP_EXTENT_MM = 420.0
_CAMERA_DISTANCE_MM = 3000.0
# A point counts as hidden once a surface before it is nearer by this much: less is the error of the maps.
_HIDDEN_FROM_MM = 4.0
_HIDDEN_FULLY_MM = 10.0


@dataclass(frozen=True)
class ShadowMaps:
    """Depth maps of a head, one per direction of the fan; infinite where the head is not."""

    projections: Float[np.ndarray, "yaws pitches 3 4"]
    depth_mm: Float[np.ndarray, "yaws pitches s s"]

    def margins(
        self, points_mm: Float[np.ndarray, "n 3"], *, outside: bool = False
    ) -> UInt8[np.ndarray, "yaws pitches n"]:
        """How far each point lies within the head's outline, seen from each direction, in 0.1 mm up to 25.5.

        0 for points beyond it; with `outside`, how far beyond it they lie, and 0 for those within.
        """
        shape = self.projections.shape[:2]
        margins = np.empty((*shape, len(points_mm)), np.uint8)
        for index in np.ndindex(shape):
            margins[index] = _margins(
                points_mm, self.projections[index], np.isfinite(self.depth_mm[index]) != outside
            )
        return margins

    def visibility(self, points_mm: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "yaws pitches n"]:
        """How much of each point is seen from each direction, 0 to 255."""
        shape = self.projections.shape[:2]
        seen = np.empty((*shape, len(points_mm)), np.uint8)
        for index in np.ndindex(shape):
            seen[index] = _seen(points_mm, self.projections[index], self.depth_mm[index])
        return seen


def _seen(points_mm: np.ndarray, projection: np.ndarray, depth_mm: np.ndarray) -> np.ndarray:
    projected = points_mm @ projection[:, :3].T + projection[:, 3]
    last = depth_mm.shape[0] - 1
    corner = np.floor(projected[:, :2] / projected[:, 2:]).clip(0, last - 1).astype(np.int64)
    x, y = corner.T
    # Hidden only where all four texels around it are nearer: a steep surface must not hide itself.
    farthest = np.max([depth_mm[y + dy, x + dx] for dy in (0, 1) for dx in (0, 1)], axis=0)
    nearer = projected[:, 2] - farthest
    seen = np.clip((_HIDDEN_FULLY_MM - nearer) / (_HIDDEN_FULLY_MM - _HIDDEN_FROM_MM), 0.0, 1.0)
    levels: np.ndarray = np.rint(255.0 * seen).astype(np.uint8)
    return levels


def _margins(points_mm: np.ndarray, projection: np.ndarray, mask: np.ndarray) -> np.ndarray:
    projected = points_mm @ projection[:, :3].T + projection[:, 3]
    place = (projected[:, :2] / projected[:, 2:]).astype(np.float32)
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # A mask begins half a pixel before the middle of its first one.
    distance = np.maximum(distance - np.float32(0.5), 0)
    rows = place.reshape(-1, 1, 2)
    sampled = cv2.remap(distance, rows, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1)
    levels: np.ndarray = np.rint((sampled * (10 * _MAP_EXTENT_MM / _MAP_SIZE_PX)).clip(0, 255)).astype(
        np.uint8
    )
    return levels


def build_shadow_maps(head: Head) -> ShadowMaps:
    """The depth maps of `head` from every direction of the fan."""
    if isinstance(head, ViewedHead):
        # Every other pixel is enough for depths, and four times as fast.
        vertices, triangles = views_to_mesh(head.views.values(), stride=2)
    else:
        vertices, triangles = np.asarray(head.vertices_mm, np.float64), head.triangles
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    shape = (len(YAWS_DEG), len(PITCHES_DEG))
    projections = np.empty((*shape, 3, 4))
    depth = np.empty((*shape, _MAP_SIZE_PX, _MAP_SIZE_PX), np.float32)
    for i, yaw in enumerate(YAWS_DEG):
        for j, pitch in enumerate(PITCHES_DEG):
            P = _direction_projection(yaw, pitch, middle)
            projections[i, j] = P
            depth[i, j] = rasterize(vertices, triangles, P, (_MAP_SIZE_PX, _MAP_SIZE_PX)).depth
    return ShadowMaps(projections, depth)


def _direction_projection(yaw_deg: float, pitch_deg: float, middle_mm: np.ndarray) -> np.ndarray:
    focal = _CAMERA_DISTANCE_MM * _MAP_SIZE_PX / _MAP_EXTENT_MM
    centre = (_MAP_SIZE_PX - 1) / 2
    K = np.array([[focal, 0.0, centre], [0.0, focal, centre], [0.0, 0.0, 1.0]])
    R = angles_to_rotation(yaw_deg, pitch_deg, 0.0)
    tvec = np.array([0.0, 0.0, _CAMERA_DISTANCE_MM]) - R @ middle_mm
    projection: np.ndarray = K @ np.column_stack([R, tvec])
    return projection


def camera_direction(projection: Float[np.ndarray, "3 4"]) -> Float[np.ndarray, "3"]:
    """Unit vector from the head's origin to the centre of the camera, in the head frame."""
    centre = -np.linalg.solve(projection[:, :3], projection[:, 3])
    direction: np.ndarray = centre / np.linalg.norm(centre)
    return direction


def direction_to_angles(direction: Float[np.ndarray, "3"]) -> tuple[float, float]:
    """Yaw and pitch in degrees of a head that is seen from `direction`; roll does not change what is seen."""
    # With R = Ry(yaw) Rx(pitch) the direction is -R[2] = (sin y, -cos y sin p, -cos y cos p).
    x, y, z = direction.tolist()
    return degrees(asin(min(max(x, -1.0), 1.0))), degrees(atan2(-y, -z))
