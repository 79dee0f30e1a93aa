"""What one photo shows of the cells of its views: directly, on the other half, or not at all."""

from dataclasses import dataclass
from math import acos, degrees, radians

import numpy as np
from jaxtyping import Float, Float64

from render_core.cells import Cells
from render_core.errors import RenderReject
from render_core.kernel import ViewCells, look_at_cells
from render_core.kernel.look import Glance, PhotoLimits
from render_core.view import pixels_by_mm, pixels_per_mm
from render_core.visibility import PITCHES_DEG, YAWS_DEG, camera_direction, direction_to_angles

# The twin of a point on the other half of the head: x -> -x.
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
# The error of a pose whose network does not say how sure it is.
POSE_ERROR_DEG = 4.0
# Poses are worse the farther a face is turned: at this angle off the front, twice as far off.
_TWICE_AT_DEG = 45.0
# However sure a pose is, the head is not quite this person's.
_MARGIN_MM = 1.0
_BACKDROP_MARGIN_MM = 3.0
# From the middle of the head to its outline.
_OUTLINE_LEVER_MM = 50.0

# A thousand kilometres, in mm: no photo of a face is taken from farther away, and squares of it do not
# overflow.
_FARTHEST_CAMERA_MM = 1e9
# Depth of the head's origin, as a share of the largest number of the projection. Below, divisions by it
# overflow. A head 3 m from the camera of a crop has about 1e-2.
_LEAST_DEPTH = 1e-12


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
    if not (projection[2, 3] * volume > 0 and abs(projection[2, 3]) > _LEAST_DEPTH):
        depth = projection[2, 3]
        raise RenderReject("pose_behind_camera", f"depth of the head is {depth:.6g}: expected more than 0")
    if not np.abs(place_mm).max() <= _FARTHEST_CAMERA_MM:
        raise RenderReject(
            "pose_not_finite", f"the camera stands {np.abs(place_mm).max():.3g} mm from the head"
        )
    return projection.astype(np.float64)


@dataclass(frozen=True)
class Sight:
    """What a photo shows, view by view.

    `cells` are what the kernel needs to know of each view. `fractions` are, of each view's face cells, the
    shares really seen and filled from elsewhere: from their twins, from their neighbours, or from beyond the
    photo's edge. A cell that is neither lies on a surface that the photo shows obliquely. `bounds_px` (left,
    top, right, bottom) holds the positions in the photo of all cells and of their twins.
    """

    cells: list[ViewCells]
    fractions: list[tuple[float, float]]
    any_face: bool
    bounds_px: tuple[float, float, float, float]


def look(
    cells: Cells,
    projection: Float[np.ndarray, "3 4"],
    size_hw: tuple[int, int],
    *,
    source_scale: float = 1.0,
    symmetry: bool = True,
    fills_beyond: bool = True,
    pose_error_deg: float = POSE_ERROR_DEG,
) -> Sight:
    """What the camera `projection` shows of the cells in a photo of `size_hw` pixels.

    `source_scale` is how much smaller the picture is that will be sampled. With `fills_beyond`, what lies
    beyond the photo is filled. Samples keep clear of the outline by what an error of the pose may move it.

    Raises RenderReject where a part of a view is at or behind the camera.
    """
    direction = camera_direction(projection)
    off_front_deg = degrees(acos(min(max(-float(direction[2]), -1.0), 1.0)))
    error_rad = radians(pose_error_deg * (1 + off_front_deg / _TWICE_AT_DEG))
    limits = PhotoLimits(
        size_hw=size_hw,
        mm_per_px=min(max(1 / pixels_per_mm(projection), 1e-9), 1e9),
        margin_mm=_MARGIN_MM,
        error_rad=error_rad,
        backdrop_margin_mm=_BACKDROP_MARGIN_MM + _OUTLINE_LEVER_MM * error_rad,
        fills_beyond=fills_beyond,
        symmetry=symmetry,
    )
    direct, mirrored = (_glance(projection, direction, source_scale, sign) for sign in (1.0, -1.0))
    looked = look_at_cells(cells.table, (direct, mirrored), limits)
    lowest_depth, *bounds = looked.extent.tolist()
    if not lowest_depth > 0:
        raise RenderReject("pose_behind_camera", "a part of the view lies at or behind the photo's camera")
    if not np.isfinite(bounds).all():
        raise RenderReject("pose_behind_camera", "a part of the view lies in the plane of the photo's camera")
    planes = (looked.twins, looked.fill, looked.trust, looked.offsets)
    return Sight(
        cells=[ViewCells(cells.cell_px, *view) for view in zip(*planes, strict=True)],
        fractions=[
            (seen / max(face, 1), filled / max(face, 1)) for face, seen, filled, _ in looked.counts.tolist()
        ],
        any_face=bool(looked.counts[:, 3].any()),
        bounds_px=(bounds[0], bounds[1], bounds[2], bounds[3]),
    )


def _glance(projection: np.ndarray, direction: np.ndarray, source_scale: float, sign: float) -> Glance:
    """How the photo (sign 1) or its mirror image (-1) sees the head; the latter is how it sees the twins."""
    side = np.array([sign, 1.0, 1.0])
    towards = direction * side
    yaw_deg, pitch_deg = direction_to_angles(towards)
    i, a = _place(YAWS_DEG, yaw_deg)
    j, b = _place(PITCHES_DEG, pitch_deg)
    px_by_mm = source_scale * pixels_by_mm(projection) * side
    return Glance(
        projection=(projection * [*side, 1.0]).astype(np.float32),
        direction=towards.astype(np.float32),
        source_px_by_mm=np.clip(px_by_mm, -1e6, 1e6).astype(np.float32),
        shares=np.array([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b], np.float32),
        fan_place=(i, j),
    )


def _place(steps: np.ndarray, value: float) -> tuple[int, float]:
    """The step below `value` and the share of the way to the next; beyond the outermost it stands in."""
    place = (value - float(steps[0])) / float(steps[1] - steps[0])
    place = min(max(place, 0.0), len(steps) - 1.0)
    below = min(int(place), len(steps) - 2)
    return below, place - below
