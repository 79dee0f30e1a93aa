"""Fits the five points of recognition templates: `python benchmarks/five_points.py TRAIN DETECTOR`.

TRAIN is a folder of training crops (*.tar: photos of 160 px whose face box, a square of 160 / 2.1 px, lies in
the middle), DETECTOR a model of OpenCV's FaceDetectorYN. The detector's points of every crop are brought back
to the head by the pose of the package's network; the result is what stands in `render_core/template.py`.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np

from faceposenet.detector import FaceDetector
from fpn_core import PoseNetwork, crop_windows, extract_crop, projection_to_image

CROP_PX = 160
BOX_SIDE_PX = CROP_PX / 2.1
HUBER_PX = 1.5
# A face further than this from the middle is another one.
_MOST_SHIFT_PX = 20.0
_BATCH = 64
_ROUNDS = 30


@click.command(help=__doc__)
@click.argument("train", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("detector", type=click.Path(path_type=Path, exists=True))
@click.option("--every", default=2, show_default=True, help="Takes one of so many crops.")
def main(train: Path, detector: Path, every: int) -> None:
    points_px, projections = observed(train, detector, every)
    fitted, residual_px = fit_symmetric(points_px, projections)
    click.echo(f"{len(points_px):,} faces; median residual per point {residual_px.round(2).tolist()} px")
    click.echo(str(fitted.round(1).tolist()))


def observed(train: Path, detector: Path, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the detector, float64 (n, 5, 2), and projections, float64 (n, 3, 4), of the crops."""
    found, network = FaceDetector(detector, min_score=0.6), PoseNetwork(None, "cpu")
    half = BOX_SIDE_PX / 2
    middle = CROP_PX / 2
    box = np.array([[middle - half, middle - half, BOX_SIDE_PX, BOX_SIDE_PX]])
    window = crop_windows(box, network.spec.crop_expand)
    points, crops = [], []
    for image in crops_of(train, every):
        faces = found.detect(image)
        centres = faces.boxes_xywh_px[:, :2] + faces.boxes_xywh_px[:, 2:] / 2
        shifts = np.abs(centres - middle).max(axis=1)
        if len(faces) and shifts.min() <= _MOST_SHIFT_PX:
            points.append(faces.landmarks_xy_px[shifts.argmin()])
            crops.append(
                extract_crop(image, window[0], network.spec.size_px, network.spec.crop_interpolation)
            )
    poses = network(np.stack(crops), batch_size=_BATCH)
    windows = np.repeat(window, len(crops), axis=0)
    projections = projection_to_image(poses.rotation, poses.tvec_mm, windows, network.spec.camera)
    return np.array(points), projections


def crops_of(train: Path, every: int) -> Iterator[np.ndarray]:
    """Every so many crops of each archive."""
    for archive in sorted(train.glob("*.tar")):
        with tarfile.open(archive) as tar:
            for number, member in enumerate(tar):
                file = tar.extractfile(member)
                if number % every == 0 and file is not None:
                    image = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
                    assert image is not None, f"{archive}: {member.name} is no image"
                    yield np.asarray(image)


def fit_symmetric(points_px: np.ndarray, projections: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Five points of the head, float64 (5, 3) in mm, and the median residual of each, float64 (5,).

    Every crop counts twice, once mirrored, so that the head is its own mirror image.
    """
    mirror_image = np.array([[-1.0, 0, CROP_PX - 1], [0, 1, 0], [0, 0, 1]])
    mirror_head = np.diag([-1.0, 1.0, 1.0, 1.0])
    mirrored_px = points_px[:, [1, 0, 2, 4, 3]] * [-1, 1] + [CROP_PX - 1, 0]
    both_px = np.concatenate([points_px, mirrored_px])
    both = np.concatenate([projections, mirror_image @ projections @ mirror_head])
    fits = [_fit(both_px[:, number], both) for number in range(5)]
    return np.array([point for point, _ in fits]), np.array([residual for _, residual in fits])


def _fit(points_px: np.ndarray, P: np.ndarray) -> tuple[np.ndarray, float]:
    """The point of the head nearest to n points of photos, by iteratively reweighted least squares."""
    # (P_xy - u P_z) [X 1] = 0, divided by the depth of the head's origin: pixels.
    rows = (P[:, :2] - points_px[:, :, None] * P[:, 2:]) / P[:, 2:, 3:]
    A, b = rows[:, :, :3], -rows[:, :, 3]
    weight = np.ones(len(P))
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)[:, None]
        point = np.linalg.lstsq((A * root[:, :, None]).reshape(-1, 3), (b * root).reshape(-1), rcond=None)[0]
        residual = np.linalg.norm(A @ point - b, axis=1)
        weight = np.minimum(1.0, HUBER_PX / np.maximum(residual, 1e-9))
    return point, float(np.median(residual))


if __name__ == "__main__":
    main()
