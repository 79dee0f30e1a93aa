"""How far the rotations that fit a training set's landmarks are from those that its table gives.

    python benchmarks/pose_labels.py CROPS [OTHER ...] [--network MODEL.onnx ...]

CROPS is a training set (`training/README.md`) whose table has rotations that do not come from its landmarks.
Poses are fitted to the landmarks of every set with the 68 points of the mean head, and with those measured
over CROPS (`training.points`), all of them and without the 17 along the jaw, and how far these end from the
landmarks is told in % of the distance of the outer corners of the eyes. Networks are held against the
table's rotations on those faces of CROPS that training holds out, cut as a job cuts them. Needs the training
extra.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

from fpn_core import (
    PoseBatch,
    PoseNetwork,
    geodesic_deg,
    matrix_to_ypr_deg,
    project,
    projection_to_image,
)
from fpn_core.points import outer_eye_distance
from render_core.heads import load_head
from render_core.heads.imported import fit_similarity
from training.config import DataConfig, LoopConfig
from training.crops import Labels, read_labels
from training.dataset import load_faces, plain_batch, points_of, split
from training.geometry import JAW_POINTS, POINTS_WITHOUT_JAW
from training.points import fit_poses, whole_crops
from training.teacher import mean_rotations, predictor, window_of

_CUTS = 8
YAW_EDGES_DEG = (0, 10, 20, 30, 45, 60, 75, 91)


def tell_points(head_mm: np.ndarray, points_mm: np.ndarray) -> None:
    """How flat two sets of points are, and where one has its jaw when the rest lies on the other's."""
    for name, mm in (("the mean head", head_mm), ("measured points", points_mm)):
        shares = []
        for part in (slice(None), POINTS_WITHOUT_JAW):
            width, _, depth = np.ptp(mm[part], axis=0)
            shares.append(depth / width)
        print(f"{name}: depth / width {shares[0]:.2f}, without the jaw {shares[1]:.2f}")
    scale, turn, shift = fit_similarity(points_mm[POINTS_WITHOUT_JAW], head_mm[POINTS_WITHOUT_JAW])
    behind = (scale * points_mm @ turn.T + shift - head_mm)[JAW_POINTS, 2]
    pitch = matrix_to_ypr_deg(turn[None])[0, 1]
    print(
        f"measured points laid on the mean head's without the jaw, {abs(pitch):.1f} degrees of pitch off: jaw"
        f" {behind.min():.0f} to {behind.max():.0f} mm behind the head's, median {np.median(behind):.0f}"
    )


def tell_fit(labels: Labels, name: str, points_mm: np.ndarray, *, contour: bool) -> None:
    """Fitted minus labelled, for faces turned to one side: medians by labelled yaw."""
    pose = fit_poses(labels.landmarks_px, points_mm, contour=contour)
    fitted = pose.rotation
    angles = geodesic_deg(fitted, labels.rotation)
    print(f"fitted with {name}: median angle to the table {np.nanmedian(angles):.2f} degrees")
    missed = missed_percent(labels, points_mm, pose)
    ypr = matrix_to_ypr_deg(labels.rotation)
    difference = (matrix_to_ypr_deg(fitted) - ypr + 180) % 360 - 180
    # A face turned to the other side, mirrored: yaw and roll change their signs.
    side = np.sign(ypr[:, :1])
    difference *= np.concatenate([side, np.ones_like(side), side], axis=1)
    for low, high in pairwise(YAW_EDGES_DEG):
        rows = (np.abs(ypr[:, 0]) >= low) & (np.abs(ypr[:, 0]) < high)
        if rows.any():
            yaw, pitch, roll = np.nanmedian(difference[rows], axis=0)
            turned = f"yaw {yaw:5.1f}  pitch {pitch:5.1f}  roll {roll:5.1f}"
            every, jaw = np.nanmean(missed[rows]), np.nanmean(missed[rows, JAW_POINTS])
            off = f"points {every:4.1f} %, along the jaw {jaw:4.1f} %"
            print(f"  |yaw| {low:2}-{high:2} {rows.sum():6} faces: {turned}  {off}")


def missed_percent(labels: Labels, points_mm: np.ndarray, pose: PoseBatch) -> np.ndarray:
    """How far the points of a fit are from the landmarks, n x 68, in % of the outer eye corners' distance."""
    projection = projection_to_image(pose.rotation, pose.tvec_mm, whole_crops(len(labels.ids)))
    missed = np.linalg.norm(project(points_mm, projection) - labels.landmarks_px, axis=2)
    return np.asarray(100 * missed / outer_eye_distance(labels.landmarks_px)[:, None])


def tell_networks(folder: Path, models: list[Path]) -> None:
    """Mean angle between the networks' rotations and the table's, over held-out faces: of one answer, and of
    the mean of several as a teacher gives it."""
    watched = split(load_faces([DataConfig(folder=folder, rotation="label")]), LoopConfig().held_out)[1]
    for model in models:
        network = PoseNetwork(model, device="cpu")
        window = window_of(network.spec)
        batch = plain_batch(watched, np.arange(len(watched)), window)
        errors = geodesic_deg(network(batch["image"].numpy()).rotation, batch["rotation"].numpy())
        said = mean_rotations(watched, predictor(network), window, _CUTS)
        asked_more = np.nanmean(geodesic_deg(said, watched.rotation))
        print(
            f"{network.spec.name}: {errors.mean():.2f} degrees over {len(errors):,} held-out faces,"
            f" {asked_more:.2f} for the mean over {_CUTS} cuts of each"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crops", type=Path)
    parser.add_argument("others", type=Path, nargs="*", metavar="other")
    parser.add_argument("--network", type=Path, action="append", default=[])
    given = parser.parse_args()
    heads = {"the mean head": np.asarray(load_head().landmarks_mm), "measured points": points_of(given.crops)}
    tell_points(*heads.values())
    for folder in (given.crops, *given.others):
        labels = read_labels(folder)
        print(f"{folder}, {len(labels.ids):,} faces")
        for name, points_mm in heads.items():
            tell_fit(labels, name, points_mm, contour=True)
            tell_fit(labels, f"{name} without the jaw", points_mm, contour=False)
    if given.network:
        tell_networks(given.crops, given.network)


if __name__ == "__main__":
    main()
