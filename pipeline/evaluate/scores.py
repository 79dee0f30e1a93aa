"""How far poses and landmarks are from their labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64
from numpy.typing import NDArray

from fpn_core import geodesic_deg
from fpn_core.points import outer_eye_distance
from pipeline.evaluate.conventions import ANGLE_NAMES, rotation_to_published_angles

YAW_BINS_DEG = ((0, 30), (30, 60), (60, 181))
WITHIN_DEG = (5, 10, 15)


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of every face; NaN where a label is missing.

    `angles_deg`: yaw, pitch, roll, as published (no larger than 180). `geodesic_deg`: angle of the rotation
    between. `landmarks_eyes`, `landmarks_box`: mean distance of the 68 points as a share of the distance of
    the outer eye corners, and of the root of the area of the landmarks' box, which does not shrink in
    profile. `yaw_deg`: of the labels, for the bins.
    """

    angles_deg: Float64[np.ndarray, "n 3"]
    geodesic_deg: Float64[np.ndarray, " n"]
    landmarks_eyes: Float64[np.ndarray, " n"]
    landmarks_box: Float64[np.ndarray, " n"]
    yaw_deg: Float64[np.ndarray, " n"]

    def __getitem__(self, rows: Bool[np.ndarray, " n"]) -> "Errors":
        return Errors(
            self.angles_deg[rows],
            self.geodesic_deg[rows],
            self.landmarks_eyes[rows],
            self.landmarks_box[rows],
            self.yaw_deg[rows],
        )


@dataclass(frozen=True)
class Scores:
    """Means over faces; None where none has the label. Shares are of the geodesic error, in percent, as are
    the landmark errors."""

    faces: int
    mae_deg: Mapping[str, float] | None
    mean_mae_deg: float | None
    geodesic_deg: float | None
    within_percent: Mapping[str, float] | None
    landmarks_eyes_percent: float | None
    landmarks_box_percent: float | None


def errors_of(
    rotation: Float[np.ndarray, "n 3 3"],
    landmarks_px: Float[np.ndarray, "n 68 2"],
    true_rotation: Float[np.ndarray, "n 3 3"],
    true_landmarks_px: Float[np.ndarray, "n 68 2"],
    yaw_deg: Float[np.ndarray, " n"],
) -> Errors:
    """Errors of poses and of their projected landmarks; labels that are missing are NaN."""
    difference = rotation_to_published_angles(rotation) - rotation_to_published_angles(true_rotation)
    angles = np.abs((difference + 180) % 360 - 180)
    distance = np.linalg.norm(landmarks_px - true_landmarks_px, axis=2).mean(axis=1)
    eyes = outer_eye_distance(true_landmarks_px)
    box = np.sqrt(np.ptp(true_landmarks_px, axis=1).prod(axis=1))
    return Errors(
        angles, geodesic_deg(rotation, true_rotation), distance / eyes, distance / box, yaw_deg.astype(float)
    )


def score(errors: Errors) -> Scores:
    """Means of the faces that have the labels."""
    angles = errors.angles_deg[np.isfinite(errors.angles_deg).all(axis=1)]
    geodesic = errors.geodesic_deg[np.isfinite(errors.geodesic_deg)]
    mae = within = mean_mae = None
    if len(angles):
        by_angle = angles.mean(axis=0)
        mae = dict(zip(ANGLE_NAMES, map(float, by_angle), strict=True))
        mean_mae = float(by_angle.mean())
        within = {str(limit): float(100 * (geodesic < limit).mean()) for limit in WITHIN_DEG}
    return Scores(
        faces=len(errors.geodesic_deg),
        mae_deg=mae,
        mean_mae_deg=mean_mae,
        geodesic_deg=_mean(geodesic),
        within_percent=within,
        landmarks_eyes_percent=_mean(100 * errors.landmarks_eyes),
        landmarks_box_percent=_mean(100 * errors.landmarks_box),
    )


def score_by_yaw(errors: Errors) -> dict[str, Scores]:
    """Scores of the faces in every bin of |yaw|, by the bin's name; bins without faces are left out."""
    scores = {}
    for low, high in YAW_BINS_DEG:
        rows = (np.abs(errors.yaw_deg) >= low) & (np.abs(errors.yaw_deg) < high)
        if rows.any():
            scores[bin_name(low, high)] = score(errors[rows])
    return scores


def bin_name(low: int, high: int) -> str:
    """ "30-60", and "60-" for the last."""
    return f"{low}-{high}" if high <= 90 else f"{low}-"


def _mean(values: NDArray[np.float64]) -> float | None:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None
