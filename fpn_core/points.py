"""From points of a head seen in an image back to its pose."""

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

from fpn_core.camera import FPN_227, Camera
from fpn_core.crop import image_to_crop
from fpn_core.errors import GeometryError
from fpn_core.pose import PoseBatch
from fpn_core.rotation import nearest_rotation, rvec_to_matrix

_ITERATIONS = 30
_LEAST_DISTANCE = 4.0
"""Of the first guess, in radii of the head: nearer, weak perspective says nothing."""

_THICKNESS = 1e-3
"""Least extent of the points in every direction, as a share of their greatest: flatter ones fit two poses."""

OUTER_EYE_CORNERS = (36, 45)
"""Rows (0-based) of the outer corners of the right and the left eye among the 68 points of 300-W."""

Array = NDArray[np.float64]


def outer_eye_distance(points: Float[np.ndarray, "*faces 68 d"]) -> Float[np.ndarray, "*faces"]:
    """Measures the distance between the outer corners of the eyes, the usual unit of landmark errors.

    Args:
        points: the 68 points of 300-W of one face or many, in any unit.

    Returns:
        The distance per face, in the points' unit.
    """
    right, left = OUTER_EYE_CORNERS
    return np.asarray(np.linalg.norm(points[..., right, :] - points[..., left, :], axis=-1))


def points_to_pose(
    points_px: Float[np.ndarray, "n m 2"],
    points_mm: Float[np.ndarray, "m 3"],
    window_xyxy_px: Int[np.ndarray, "n 4"],
    camera: Camera = FPN_227,
) -> PoseBatch:
    """Finds the poses that bring points of the head closest to where they are seen (least squares in pixels).

    Such a fit has two solutions for shallow points, one the mirror image of the other in depth, and others
    behind the camera. Both in front are refined and the better one is returned; never one with a point behind
    the camera.

    Args:
        points_px: where the points are seen, in pixels of the whole image.
        points_mm: the points in the head frame.
        window_xyxy_px: windows of the crops in whose camera the poses are expressed.
        camera: that camera.

    Returns:
        One pose per row; NaN for a row whose points are not finite, or are all in one place
        (`PoseBatch.finite`).

    Raises:
        GeometryError: fewer than 6 points of the head, or points in one plane.

    Example:
        >>> from fpn_core import project, projection_to_image, ypr_deg_to_matrix
        >>> window, tvec_mm = np.array([[0, 0, 227, 227]]), np.array([[5.0, -3.0, 3000.0]])
        >>> points_mm = np.random.default_rng(0).normal(0, 40, (20, 3))
        >>> turned = ypr_deg_to_matrix(np.array([[25.0, -10.0, 5.0]]))
        >>> seen_px = project(points_mm, projection_to_image(turned, tvec_mm, window))
        >>> points_to_pose(seen_px, points_mm, window).ypr_deg.round(3).tolist()
        [[25.0, -10.0, 5.0]]
    """
    spread = np.linalg.svd(points_mm - points_mm.mean(axis=0), compute_uv=False)
    if len(points_mm) < 6 or spread[2] < _THICKNESS * spread[0]:
        raise GeometryError(
            f"{len(points_mm)} points of the head, with extents {spread.round(3).tolist()} mm; expected at"
            " least 6 that are not in one plane. Take more landmarks."
        )
    to_crop = image_to_crop(window_xyxy_px, camera.size_px)
    seen = points_px @ np.swapaxes(to_crop[:, :2, :2], 1, 2) + to_crop[:, None, :2, 2]
    good = np.isfinite(seen).all(axis=(1, 2)) & (np.ptp(seen, axis=1).max(axis=1) > 0)
    seen = np.where(good[:, None, None], seen, points_mm[:, :2])

    guess, scale, place = _weak_perspective(seen, points_mm)
    solutions = [
        _refine(rotation, _distance(scale, place, points_mm, camera), seen, points_mm, camera)
        for rotation in (guess, _depth_mirrored(guess))
    ]
    second_better = solutions[1][2] < solutions[0][2]
    rotation = np.where(second_better[:, None, None], solutions[1][0], solutions[0][0])
    tvec_mm = np.where(second_better[:, None], solutions[1][1], solutions[0][1])
    return PoseBatch(
        np.where(good[:, None, None], rotation, np.nan), np.where(good[:, None], tvec_mm, np.nan)
    )


def _weak_perspective(seen: Array, points_mm: Float[np.ndarray, "m 3"]) -> tuple[Array, Array, Array]:
    """Rotation, pixels per mm, and pixel of the head's origin, of the closest affine view."""
    rows = np.column_stack([points_mm, np.ones(len(points_mm))])
    affine = np.swapaxes(np.linalg.pinv(rows) @ seen, 1, 2)
    linear = affine[:, :, :3]
    scale = np.linalg.norm(linear, axis=2).mean(axis=1)
    # The third row of a rotation follows from the first two.
    depth = np.cross(linear[:, 0], linear[:, 1]) / np.maximum(scale, 1e-12)[:, None]
    rotation = nearest_rotation(np.concatenate([linear, depth[:, None]], axis=1))
    return np.where(np.isfinite(rotation), rotation, np.eye(3)), scale, affine[:, :, 3]


def _depth_mirrored(rotation: Array) -> Array:
    """The rotation under which a flat head, seen from afar, looks the same: D R D, D = diag(1, 1, -1)."""
    flip = np.diag([1.0, 1.0, -1.0])
    mirrored: Array = flip @ rotation @ flip
    return mirrored


def _distance(scale: Array, place: Array, points_mm: Float[np.ndarray, "m 3"], camera: Camera) -> Array:
    """Translations of a first guess: as far away as the scale says, and never inside the head."""
    (fx, fy), (cx, cy) = camera.focal_px, camera.centre_px
    radius = np.linalg.norm(points_mm, axis=1).max()
    z = np.maximum(fx / np.maximum(scale, 1e-12), _LEAST_DISTANCE * radius)
    return np.stack([(place[:, 0] - cx) * z / fx, (place[:, 1] - cy) * z / fy, z], axis=1)


def _refine(
    rotation: Array, tvec_mm: Array, seen: Array, points_mm: Float[np.ndarray, "m 3"], camera: Camera
) -> tuple[Array, Array, Float64[np.ndarray, " n"]]:
    """Levenberg-Marquardt on rotation and translation of every row; also gives the final squared errors.

    A step is taken only where it lowers the error and leaves every point in front of the camera.
    """
    damping = np.full(len(rotation), 1e-3)
    residual, jacobian, _ = _linearise(rotation, tvec_mm, seen, points_mm, camera)
    error = (residual**2).sum(axis=1)
    for _ in range(_ITERATIONS):
        normal = np.swapaxes(jacobian, 1, 2) @ jacobian
        gradient = np.einsum("nkp,nk->np", jacobian, residual)
        diagonal = np.einsum("npp->np", normal)
        damped = normal + (damping[:, None] * diagonal + 1e-12)[:, :, None] * np.eye(6)
        step = -np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        new_rotation, new_tvec = rvec_to_matrix(step[:, :3]) @ rotation, tvec_mm + step[:, 3:]
        new_residual, new_jacobian, nearest = _linearise(new_rotation, new_tvec, seen, points_mm, camera)
        new_error = (new_residual**2).sum(axis=1)
        better = (new_error < error) & (nearest > 0)
        pick = better[:, None]
        rotation = np.where(pick[:, :, None], new_rotation, rotation)
        tvec_mm = np.where(pick, new_tvec, tvec_mm)
        residual = np.where(pick, new_residual, residual)
        jacobian = np.where(pick[:, :, None], new_jacobian, jacobian)
        error = np.where(better, new_error, error)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-12, 1e12)
    return nearest_rotation(rotation), tvec_mm, error


def _linearise(
    rotation: Array, tvec_mm: Array, seen: Array, points_mm: Float[np.ndarray, "m 3"], camera: Camera
) -> tuple[Array, Array, Array]:
    """Residuals (n x 2m), their derivatives by a small turn and shift (n x 2m x 6), and the nearest depth."""
    turned = points_mm @ np.swapaxes(rotation, 1, 2)
    x, y, z = np.moveaxis(turned + tvec_mm[:, None], 2, 0)
    nearest = z.min(axis=1)
    z = np.where(z > 0, z, 1.0)
    (fx, fy), (cx, cy) = camera.focal_px, camera.centre_px
    projected = np.stack([fx * x / z + cx, fy * y / z + cy], axis=2)
    # d pixel / d X = [[fx/z, 0, -fx x/z^2], [0, fy/z, -fy y/z^2]];  d X / d turn = -[R p]x;  d X / d t = I.
    zero = np.zeros_like(z)
    by_place = np.stack(
        [
            np.stack([fx / z, zero, -fx * x / z**2], axis=2),
            np.stack([zero, fy / z, -fy * y / z**2], axis=2),
        ],
        axis=2,
    )
    # A row g times -[p]x is p x g.
    by_turn = np.cross(turned[:, :, None], by_place)
    jacobian = np.concatenate([by_turn, by_place], axis=3)
    n, both = len(rotation), 2 * len(points_mm)
    return (projected - seen).reshape(n, both), jacobian.reshape(n, both, 6), nearest
