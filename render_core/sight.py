"""What one photo shows of the cells of its views, and where their twins on the other half show more."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float64, UInt8

from render_core.cells import Cells
from render_core.errors import RenderReject
from render_core.visibility import PITCHES_DEG, YAWS_DEG, camera_direction, direction_to_angles

# The twin of a point on the other half of the head: x -> -x.
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
# Quality is the cosine of the angle between surface and camera, -1 where hidden. A twin is taken below the
# first quality, wholly below the second. That is far from grazing on purpose: poses are off by several
# degrees, and then it is background that lies where the pose says that the cheek turns away.
_POOR_FROM = 0.45
_POOR_FULLY = 0.35
# ... and only where its own quality is better by this much, as it is from 6 degrees of yaw.
_BETTER_FROM = 0.15
_BETTER_FULLY = 0.2
# Twins fade into their surroundings over two cells: 3 x 3 means, stretched so that two of three are enough.
_FADE_FROM = 1 / 6
_FADE_FULLY = 2 / 3
# A surface turned away from the camera by less than 72 degrees counts as seen.
_SEEN_FROM = 0.3


# A thousand kilometres, in mm: no photo of a face is taken from farther away, and squares of it do not
# overflow.
_FARTHEST_CAMERA_MM = 1e9


def checked_projection(projection: Float[np.ndarray, "3 4"]) -> Float64[np.ndarray, "3 4"]:
    """The projection in a scale in which nothing overflows: a factor changes no pixel.

    Raises RenderReject unless it is finite and has the head before its camera, within reason.
    """
    if not np.isfinite(projection).all():
        raise RenderReject("pose_not_finite", "the projection holds NaN or infinity")
    projection = projection / max(np.abs(projection).max(), np.finfo(np.float64).tiny)
    with np.errstate(all="ignore"):
        volume = np.linalg.det(projection[:, :3])
        # The camera stands at C with P (C, 1) = 0.
        place_mm = np.linalg.solve(projection[:, :3], projection[:, 3]) if volume else np.zeros(3)
    # A camera that does not mirror has det K R > 0, so the sign of the depth is that of P[2, 3].
    if not projection[2, 3] * volume > 0:
        depth = projection[2, 3]
        raise RenderReject("pose_behind_camera", f"depth of the head is {depth:.6g}: expected more than 0")
    if not np.abs(place_mm).max() <= _FARTHEST_CAMERA_MM:
        raise RenderReject(
            "pose_not_finite", f"the camera stands {np.abs(place_mm).max():.3g} mm from the head"
        )
    return projection.astype(np.float64)


@dataclass(frozen=True)
class Sight:
    """What a photo shows, view by view and cell by cell.

    `face_seen` is where it shows the head's surface. The weights are the share that the twin on
    the other half should have: for the head (0) and the backdrop (1). `bounds_px` (left, top, right, bottom)
    holds the positions in the photo of all cells and of their twins.
    """

    inside: Bool[np.ndarray, "views n"]
    face_seen: Bool[np.ndarray, "views n"]
    is_face: Bool[np.ndarray, "views n"]
    twin_weights: Float[np.ndarray, "2 views side side"]
    bounds_px: tuple[float, float, float, float]

    @property
    def twin_steps(self) -> UInt8[np.ndarray, "views 2 side side"]:
        """The twins' weights in steps of 1/255, view by view."""
        steps = cv2.convertScaleAbs(self.twin_weights.reshape(-1), alpha=255).reshape(self.twin_weights.shape)
        return np.ascontiguousarray(steps.transpose(1, 0, 2, 3))

    def fractions(self, *, symmetry: bool) -> list[tuple[float, float]]:
        """Of each view, the shares of its face cells really seen, and filled from elsewhere.

        Filled are those that the twin gives or that lie beyond the edge of the photo. A cell that is neither
        lies on a surface that the photo shows too obliquely or not at all, and that nothing could fill.
        """
        filled = ~self.inside
        if symmetry:
            filled |= self.twin_weights[0].reshape(filled.shape) > 0.5
        filled &= self.is_face
        seen = (self.face_seen & self.is_face) > filled
        cells = np.maximum(self.is_face.sum(axis=1), 1)
        shares = (seen.sum(axis=1) / cells, filled.sum(axis=1) / cells)
        return list(zip(*(share.tolist() for share in shares), strict=True))


def look(cells: Cells, projection: Float[np.ndarray, "3 4"], size_hw: tuple[int, int]) -> Sight:
    """What the camera `projection` shows of the cells in a photo of `size_hw` pixels.

    Raises RenderReject where a part of a view is at or behind the camera.
    """
    position = _project(cells, projection)
    twin_position = _project(cells, projection @ MIRROR)
    x, y = position
    # The outermost pixels reach half a pixel beyond their centres.
    inside = (x >= -0.5) & (y >= -0.5) & (x <= size_hw[1] - 0.5) & (y <= size_hw[0] - 0.5)

    direction = camera_direction(projection)
    # The twin of a point is seen from a direction as the point is from the mirrored direction.
    twin_direction = direction * np.array([-1.0, 1.0, 1.0])
    quality, twin_quality = (_quality(cells, towards) for towards in (direction, twin_direction))
    weights = _ramp(quality, _POOR_FROM, _POOR_FULLY)
    weights *= _ramp(twin_quality - quality, _BETTER_FROM, _BETTER_FULLY)
    weights = weights.reshape(2, -1, cells.side, cells.side)
    _widen(weights)
    shape = (-1, cells.side**2)
    return Sight(
        inside=inside.reshape(shape),
        face_seen=(quality[0] > _SEEN_FROM).reshape(shape),
        is_face=cells.is_face.reshape(shape),
        twin_weights=weights,
        bounds_px=_bounds(position, twin_position),
    )


def _widen(weights: np.ndarray) -> None:
    """Close small gaps between twins, and let them fade into their surroundings."""
    for index in np.ndindex(weights.shape[:2]):
        if weights[index].any():
            mean = cv2.blur(weights[index], (3, 3))
            weights[index] = _ramp(mean, _FADE_FROM, _FADE_FULLY)


def _project(cells: Cells, projection: np.ndarray) -> np.ndarray:
    projected = projection.astype(np.float32) @ cells.points
    if not projected[2].min() > 0:
        raise RenderReject("pose_behind_camera", "a part of the view lies at or behind the photo's camera")
    position: np.ndarray = projected[:2]
    with np.errstate(over="ignore"):
        position /= projected[2]
    if not np.isfinite(position).all():
        raise RenderReject("pose_behind_camera", "a part of the view lies in the plane of the photo's camera")
    return position


def _bounds(position: np.ndarray, twin_position: np.ndarray) -> tuple[float, float, float, float]:
    left, top = np.minimum(position.min(axis=1), twin_position.min(axis=1))
    right, bottom = np.maximum(position.max(axis=1), twin_position.max(axis=1))
    return float(left), float(top), float(right), float(bottom)


def _quality(cells: Cells, direction: np.ndarray) -> np.ndarray:
    """How well head (0) and backdrop (1) are seen from a direction, -1 to 1, "2 n"."""
    seen = _interpolate(cells.seen, *direction_to_angles(direction))
    # q = v (n . d) + (1 - v) (-1); the backdrop always faces the camera
    seen[0] *= cells.normals @ direction.astype(np.float32) + np.float32(1)
    seen[1] *= 2
    seen -= 1
    return seen


def _ramp(values: np.ndarray, start: float, full: float) -> np.ndarray:
    """0 at `start`, 1 at `full`, linear between, level beyond."""
    slope = 1 / (full - start)
    ramp: np.ndarray = values * np.float32(slope)
    ramp -= np.float32(start * slope)
    np.minimum(ramp, 1.0, out=ramp)
    np.maximum(ramp, 0.0, out=ramp)
    return ramp


def _interpolate(table: np.ndarray, yaw_deg: float, pitch_deg: float) -> np.ndarray:
    """Between the four nearest directions of the fan: bilinear in yaw and pitch."""
    i, yaw_share = _place(YAWS_DEG, yaw_deg)
    j, pitch_share = _place(PITCHES_DEG, pitch_deg)
    near, far = (
        cv2.addWeighted(
            row[j], (1 - pitch_share) * share, row[j + 1], pitch_share * share, 0.0, dtype=cv2.CV_32F
        )
        for row, share in ((table[i], (1 - yaw_share) / 255), (table[i + 1], yaw_share / 255))
    )
    seen: np.ndarray = cv2.add(near, far, dst=near)
    return seen


def _place(steps: np.ndarray, value: float) -> tuple[int, float]:
    """The step below `value` and the share of the way to the next; beyond the outermost it stands in."""
    place = (value - steps[0]) / (steps[1] - steps[0])
    place = min(max(float(place), 0.0), len(steps) - 1.0)
    below = min(int(place), len(steps) - 2)
    return below, place - below
