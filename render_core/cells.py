"""A coarse raster over a view: what symmetry and honesty need to know varies slowly.

Each cell stands for a square of pixels, once as head and once as backdrop: a cell of the other kind takes the
values of the nearest pixel of this kind, so that nothing bleeds over the silhouette when the raster is
enlarged again.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from render_core.errors import RenderReject
from render_core.grid import ViewGrid
from render_core.visibility import (
    ShadowMaps,
    camera_direction,
    direction_to_angles,
    interpolate_directions,
)

CELLS = 56
# cos of the angle between surface and camera: below the first nothing counts as seen, above the second all.
# Far from grazing on purpose: poses are off by several degrees, and then it is the background that lies where
# the pose says that the cheek turns away.
_FACING_FROM = 0.3
_FACING_FULLY = 0.6
# What is mirrored must be this much better seen on the other half; from the second on it is taken whole.
_BETTER_FROM = 0.2
_BETTER_FULLY = 0.7
_SMOOTH_SIGMA_CELLS = 1.0
# Hair and ears reach beyond the head's surface: backdrop so near to hidden backdrop counts as hidden, too.
_HIDDEN_MARGIN_CELLS = 2
_NORMAL_STEP_PX = 2


@dataclass(frozen=True)
class Cells:
    """Cells of one grid, row by row.

    `points` are those of the cells' middle pixels, homogeneous. The head's surface in each cell has `normals`
    and is `head_seen` from each direction of the fan; its backdrop is `backdrop_seen`.
    """

    points: Float[np.ndarray, "4 n"]
    normals: Float[np.ndarray, "n 3"]
    head_seen: UInt8[np.ndarray, "yaws pitches n"]
    backdrop_seen: UInt8[np.ndarray, "yaws pitches n"]
    is_face: Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Sight:
    """What a photo shows of the cells.

    `position_px` is where a cell lies in the photo, `inside` whether that is within its edge. `face_seen` is
    how well the photo shows the head's surface in a cell, 0 to 1. The weights are the share, in each cell,
    that the twin on the other half should have: for the head and for the backdrop.
    """

    position_px: Float[np.ndarray, "2 n"]
    inside: Bool[np.ndarray, " n"]
    face_seen: Float[np.ndarray, " n"]
    head_weight: Float[np.ndarray, "c c"]
    backdrop_weight: Float[np.ndarray, "c c"]


def build_cells(grid: ViewGrid, shadows: ShadowMaps) -> Cells:
    """The cells of `grid`."""
    size = grid.size_px
    middle = np.clip(np.rint((np.arange(CELLS) + 0.5) * size / CELLS - 0.5), 0, size - 1).astype(np.int64)
    pixel = (middle[:, None] * size + middle).reshape(-1)
    points = grid.points[:3].T.astype(np.float64)
    on_head = _nearest(grid.head_mask)[pixel]
    on_backdrop = _nearest(~grid.head_mask)[pixel]
    return Cells(
        points=np.ascontiguousarray(grid.points[:, pixel]),
        normals=_normals(grid)[on_head],
        head_seen=shadows.visibility(points[on_head]),
        backdrop_seen=_with_margin(shadows.visibility(points[on_backdrop])),
        is_face=grid.face_mask.reshape(-1)[pixel],
    )


def look(cells: Cells, projection: Float[np.ndarray, "3 4"], size_hw: tuple[int, int]) -> Sight:
    """What the camera `projection` shows of the cells in a photo of `size_hw` pixels.

    Raises RenderReject where a part of the view is at or behind the camera.
    """
    projected = projection.astype(np.float32) @ cells.points
    depth = projected[2]
    if not (depth > 0).all():
        raise RenderReject("pose_behind_camera", "a part of the view lies at or behind the photo's camera")
    position = projected[:2] / depth
    last = np.array([[size_hw[1] - 1], [size_hw[0] - 1]])
    direction = camera_direction(projection)
    yaw, pitch = direction_to_angles(direction)
    # The twin of a point is seen from a direction as the point is from the mirrored direction.
    twin_direction = direction * np.array([-1.0, 1.0, 1.0])
    face_seen = interpolate_directions(cells.head_seen, yaw, pitch) * _facing(cells.normals, direction)
    twin_seen = interpolate_directions(cells.head_seen, -yaw, pitch) * _facing(cells.normals, twin_direction)
    return Sight(
        position_px=position,
        inside=((position >= 0) & (position <= last)).all(axis=0),
        face_seen=face_seen,
        head_weight=_twin_weight(face_seen, twin_seen),
        backdrop_weight=_twin_weight(
            interpolate_directions(cells.backdrop_seen, yaw, pitch),
            interpolate_directions(cells.backdrop_seen, -yaw, pitch),
        ),
    )


def _twin_weight(seen: np.ndarray, twin_seen: np.ndarray) -> np.ndarray:
    """Only where the twin is seen better, with smooth transitions."""
    better = (twin_seen - seen - _BETTER_FROM) / (_BETTER_FULLY - _BETTER_FROM)
    weight = np.clip(better, 0.0, 1.0).reshape(CELLS, CELLS)
    smooth: np.ndarray = cv2.GaussianBlur(weight, (0, 0), _SMOOTH_SIGMA_CELLS)
    return smooth


def _facing(normals: np.ndarray, direction: np.ndarray) -> np.ndarray:
    cosine = normals @ direction.astype(np.float32)
    facing: np.ndarray = np.clip((cosine - _FACING_FROM) / (_FACING_FULLY - _FACING_FROM), 0.0, 1.0)
    return facing


def _with_margin(seen: np.ndarray) -> np.ndarray:
    kernel = np.ones((2 * _HIDDEN_MARGIN_CELLS + 1,) * 2, np.uint8)
    widened = np.empty_like(seen)
    for index in np.ndindex(seen.shape[:2]):
        widened[index] = cv2.erode(seen[index].reshape(CELLS, CELLS), kernel).reshape(-1)
    return widened


def _nearest(mask: np.ndarray) -> np.ndarray:
    """For each pixel, row by row, the number of the nearest pixel in the mask; itself if there is none."""
    if not mask.any():
        return np.arange(mask.size)
    _, label = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    numbers = np.flatnonzero(mask)
    by_label = np.zeros(label.max() + 1, np.int64)
    by_label[label.reshape(-1)[numbers]] = numbers
    nearest: np.ndarray = by_label[label.reshape(-1)]
    return nearest


def _normals(grid: ViewGrid) -> np.ndarray:
    """Unit normals "n 3", out of the head, from the differences between pixels a few steps apart."""
    size = grid.size_px
    # Beside the silhouette one of the two pixels would lie on the backdrop.
    nearest = _nearest(grid.head_mask)
    points = grid.points[:3, nearest].T.reshape(size, size, 3).astype(np.float64)
    step = max(1, round(_NORMAL_STEP_PX * size / 224))
    place = np.arange(size)
    before, after = np.maximum(place - step, 0), np.minimum(place + step, size - 1)
    across = points[:, after] - points[:, before]
    down = points[after] - points[before]
    # x to the right, y down, z away: down x across points to the camera
    normals = np.cross(down, across)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = np.where(length > 0, normals / np.where(length > 0, length, 1.0), 0.0)
    return normals.reshape(-1, 3).astype(np.float32)
