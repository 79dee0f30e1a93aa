"""How far poses and landmarks are from their labels."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64
from numpy.typing import NDArray

from fpn_core import geodesic_deg
from fpn_core.points import outer_eye_distance
from pipeline.evaluate.conventions import ANGLE_NAMES, rotation_to_published_angles
from pipeline.evaluate.intervals import Interval, mean_interval, median_interval

YAW_BINS_DEG = ((0, 30), (30, 60), (60, 181))
WIDE_DEG = 30
WITHIN_DEG = (5, 10, 15)
INNER_POINTS = [point for point in range(27, 68) if point not in (31, 35)]
"""Eyes, nose and mouth: points that all conventions set in the same spots. The wings of the nose are not."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of every face; NaN where a label is missing.

    `angles_deg`: yaw, pitch, roll, as published (no larger than 180). `geodesic_deg`: angle of the rotation
    between. `landmarks_eyes`, `landmarks_box`: mean distance of the labelled points as a share of the
    distance of the outer eye corners, and of the root of the area of the landmarks' box, which does not
    shrink in profile. `inner_box`: the same as the last for the points in INNER_POINTS alone. `yaw_deg`: of
    the labels, for the bins. `person`: the same number for photos of one person.
    """

    angles_deg: Float64[np.ndarray, "n 3"]
    geodesic_deg: Float64[np.ndarray, " n"]
    landmarks_eyes: Float64[np.ndarray, " n"]
    landmarks_box: Float64[np.ndarray, " n"]
    inner_box: Float64[np.ndarray, " n"]
    yaw_deg: Float64[np.ndarray, " n"]
    person: Int64[np.ndarray, " n"]

    def __getitem__(self, rows: Bool[np.ndarray, " n"]) -> "Errors":
        return Errors(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True)
class Scores:
    """Means over faces, and medians where a name says so; None where no face has the label. Shares are of the
    geodesic error, in percent, as are the landmark errors. `interval_95`: for the name of a number the two
    ends between which it lies in 95 % of the draws of other faces."""

    faces: int
    mae_deg: Mapping[str, float] | None
    mean_mae_deg: float | None
    geodesic_deg: float | None
    geodesic_median_deg: float | None
    within_percent: Mapping[str, float] | None
    landmarks_eyes_percent: float | None
    landmarks_box_percent: float | None
    landmarks_box_median_percent: float | None
    inner_box_percent: float | None
    inner_box_median_percent: float | None
    interval_95: Mapping[str, Interval]


def errors_of(
    rotation: Float[np.ndarray, "n 3 3"],
    landmarks_px: Float[np.ndarray, "n 68 2"],
    true_rotation: Float[np.ndarray, "n 3 3"],
    true_landmarks_px: Float[np.ndarray, "n 68 2"],
    yaw_deg: Float[np.ndarray, " n"],
    person: Int[np.ndarray, " n"] | None = None,
) -> Errors:
    """Errors of poses and of their projected landmarks; labels that are missing are NaN. Without `person`
    every face is another's."""
    difference = rotation_to_published_angles(rotation) - rotation_to_published_angles(true_rotation)
    angles = np.abs((difference + 180) % 360 - 180)
    distances = np.linalg.norm(landmarks_px - true_landmarks_px, axis=2)
    distance = _mean_of_known(distances)
    box = np.sqrt(_extent(true_landmarks_px).prod(axis=1))
    return Errors(
        angles_deg=angles,
        geodesic_deg=geodesic_deg(rotation, true_rotation),
        landmarks_eyes=distance / outer_eye_distance(true_landmarks_px),
        landmarks_box=distance / box,
        inner_box=_mean_of_known(distances[:, INNER_POINTS]) / box,
        yaw_deg=yaw_deg.astype(float),
        person=np.arange(len(yaw_deg)) if person is None else person.astype(np.int64),
    )


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of the rows of `values` n x m without NaN; NaN for rows of nothing else."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1))


def _extent(points_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width and height of the box around the points n x m x 2 that are not NaN."""
    known = np.isfinite(points_px)
    low = np.where(known, points_px, np.inf).min(axis=1)
    high = np.where(known, points_px, -np.inf).max(axis=1)
    return np.asarray(np.where(np.isfinite(low), high - low, np.nan))


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
        geodesic_median_deg=_median(geodesic),
        within_percent=within,
        landmarks_eyes_percent=_mean(100 * errors.landmarks_eyes),
        landmarks_box_percent=_mean(100 * errors.landmarks_box),
        landmarks_box_median_percent=_median(100 * errors.landmarks_box),
        inner_box_percent=_mean(100 * errors.inner_box),
        inner_box_median_percent=_median(100 * errors.inner_box),
        interval_95=_intervals(errors),
    )


def _intervals(errors: Errors) -> dict[str, Interval]:
    means = {
        "mean_mae_deg": errors.angles_deg.mean(axis=1),
        "geodesic_deg": errors.geodesic_deg,
        "landmarks_eyes_percent": 100 * errors.landmarks_eyes,
        "landmarks_box_percent": 100 * errors.landmarks_box,
        "inner_box_percent": 100 * errors.inner_box,
    }
    found = {name: mean_interval(values, errors.person) for name, values in means.items()}
    found["geodesic_median_deg"] = median_interval(errors.geodesic_deg, errors.person)
    return {name: interval for name, interval in found.items() if interval is not None}


def score_by_yaw(errors: Errors) -> dict[str, Scores]:
    """Scores of the faces in every bin of |yaw|, by the bin's name; bins without faces are left out."""
    scores = {}
    for low, high in YAW_BINS_DEG:
        rows = (np.abs(errors.yaw_deg) >= low) & (np.abs(errors.yaw_deg) < high)
        if rows.any():
            scores[bin_name(low, high)] = score(errors[rows])
    return scores


def score_wide(errors: Errors) -> Scores | None:
    """Scores of the faces turned by more than WIDE_DEG; None without any."""
    rows = np.abs(errors.yaw_deg) > WIDE_DEG
    return score(errors[rows]) if rows.any() else None


def bin_name(low: int, high: int) -> str:
    """ "30-60", and "60-" for the last."""
    return f"{low}-{high}" if high <= 90 else f"{low}-"


def _mean(values: NDArray[np.float64]) -> float | None:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None


def _median(values: NDArray[np.float64]) -> float | None:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else None
