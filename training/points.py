"""Where the 68 points of a mean face are, measured from photos: landmarks seen from sides that are known.

Everybody's mean face is another. Fitted to the landmarks of an estimator that has a face of its own, ours is
turned otherwise than the labels say, by up to 2 degrees. Points that are measured from the landmarks
themselves, under the labelled rotations, have no such bias.
"""

import numpy as np
from jaxtyping import Float, Int

from fpn_core import PoseBatch, points_to_pose
from fpn_core.points import outer_eye_distance
from render_core.heads import load_head
from training.crops import SIDE_PX
from training.geometry import MIRRORED_LANDMARKS, counted_points, fit_translation, scaled_camera

_ROUNDS = 30


def measure_points(
    landmarks_px: Float[np.ndarray, "n 68 2"],
    rotation: Float[np.ndarray, "n 3 3"],
    weight: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "68 3"]:
    """The 3D points in mm, symmetric, that are seen closest to the landmarks when the heads are turned by
    `rotation`.

    `landmarks_px` in crops of a training set; `weight`: how much a face counts. Distances count with their
    first power. The outer corners of the eyes are as far apart as those of our mean head, and the middle of
    all points is its middle: photos tell neither.
    """
    head_mm = np.asarray(load_head().landmarks_mm, np.float64)
    camera = scaled_camera(SIDE_PX)
    points = head_mm
    for _ in range(_ROUNDS):
        tvec_mm = fit_translation(rotation, landmarks_px, points, camera)
        points = _gauged(points + _step(points, landmarks_px, rotation, tvec_mm, weight, camera), head_mm)
    return points


def fit_poses(
    landmarks_px: Float[np.ndarray, "n 68 2"], points_mm: Float[np.ndarray, "68 3"], *, contour: bool = True
) -> PoseBatch:
    """Poses with which points of a head come closest to landmarks in crops of a training set, those along the
    jaw counted or not; NaN where none can be found."""
    used = counted_points(contour)
    return points_to_pose(landmarks_px[:, used], points_mm[used], whole_crops(len(landmarks_px)))


def whole_crops(count: int) -> Int[np.ndarray, "n 4"]:
    """Windows xyxy in pixels that are all of a crop."""
    return np.tile([[0, 0, SIDE_PX, SIDE_PX]], (count, 1))


def _step(
    points: Float[np.ndarray, "68 3"],
    landmarks_px: Float[np.ndarray, "n 68 2"],
    rotation: Float[np.ndarray, "n 3 3"],
    tvec_mm: Float[np.ndarray, "n 3"],
    weight: Float[np.ndarray, " n"],
    camera: Float[np.ndarray, "3 3"],
) -> Float[np.ndarray, "68 3"]:
    """One step of Gauss and Newton for every point alone, least squares weighted by the inverse distance."""
    seen = np.einsum("nij,mj->nmi", rotation, points) + tvec_mm[:, None]
    place = seen[:, :, :2] / seen[:, :, 2:]
    missed = landmarks_px - (camera[0, 0] * place + camera[:2, 2])
    # Below half a pixel a landmark is as good as right.
    counts = weight[:, None] / np.maximum(np.linalg.norm(missed, axis=2), 0.5)
    step = np.empty_like(points)
    for m in range(len(points)):
        # d(X / Z) = (dX - X / Z dZ) / Z, and the same for Y
        slope = rotation[:, :2] - place[:, m, :, None] * rotation[:, 2:]
        slope = camera[0, 0] * slope / seen[:, m, 2, None, None]
        weighted = slope * counts[:, m, None, None]
        step[m] = np.linalg.solve(
            np.einsum("nij,nik->jk", weighted, slope), np.einsum("nij,ni->j", weighted, missed[:, m])
        )
    return step


def _gauged(
    points: Float[np.ndarray, "68 3"], head_mm: Float[np.ndarray, "68 3"]
) -> Float[np.ndarray, "68 3"]:
    """Made symmetric, and given the size and the place of the head."""
    points = (points + points[MIRRORED_LANDMARKS] * [-1, 1, 1]) / 2
    points = points * (outer_eye_distance(head_mm) / outer_eye_distance(points))
    return np.asarray(points - points.mean(axis=0) + head_mm.mean(axis=0))
