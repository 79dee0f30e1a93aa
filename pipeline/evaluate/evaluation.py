"""A pose network on a data set: every face through the same crops as in a job, then its errors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from faceposenet.crop_poses import pose_crops
from faceposenet.errors import FaceRejectedError
from fpn_core import (
    MirrorAveraged,
    NetworkSpec,
    PoseBatch,
    PoseNetwork,
    points_to_pose,
    project,
    projection_to_image,
)
from fpn_core.mirror import Network
from pipeline.evaluate.conventions import rotation_to_published_angles
from pipeline.evaluate.dataset import Dataset, Sample
from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.risk_coverage import Doubt, doubt_of
from pipeline.evaluate.scores import WIDE_DEG, Errors, Scores, errors_of, score, score_by_yaw, score_wide
from render_core.head import LANDMARKS
from render_core.heads import DEFAULT_HEAD, load_head

HEAD = DEFAULT_HEAD
"""The head whose 68 points stand for every person's; what it cannot know of a face counts as error."""

_BATCH = 64


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of a network on a data set.

    Attributes:
        dataset: Its name.
        kind: What kind of data set it is.
        network: What the network calls itself.
        sha256: Of the network's file.
        all: Scores of all faces.
        by_yaw: Scores by bin of |yaw|.
        wide: Scores of the faces turned by more than 30 degrees.
        failed: Faces without image, box or pose, by reason.
        errors: Of every face.
        confidence: Of every face, where the network has any.
        doubt: Whether the confidence knows of the errors.
        doubt_wide: The same for the faces turned by more than 30 degrees.
    """

    dataset: str
    kind: str
    network: str
    sha256: str
    all: Scores
    by_yaw: dict[str, Scores]
    wide: Scores | None
    failed: dict[str, int]
    errors: Errors
    confidence: Float64[np.ndarray, " n"] | None
    doubt: Doubt | None
    doubt_wide: Doubt | None

    def as_json(self) -> dict[str, Any]:
        """All but the errors of single faces, for json.dumps."""
        return {
            "dataset": self.dataset,
            "kind": self.kind,
            "network": self.network,
            "sha256": self.sha256,
            "angles": "as AFLW2000-3D counts them, degrees",
            "all": asdict(self.all),
            "by_yaw": {name: asdict(scores) for name, scores in self.by_yaw.items()},
            "wide": None if self.wide is None else asdict(self.wide),
            "failed": self.failed,
            "doubt": None if self.doubt is None else asdict(self.doubt),
            "doubt_wide": None if self.doubt_wide is None else asdict(self.doubt_wide),
        }


def evaluate(
    dataset: Dataset,
    name: str,
    network: PoseNetwork,
    average_mirrored: bool = False,
    advance: Callable[[int], object] = lambda faces: None,
) -> Evaluation:
    """Runs the network on every face and compares with the labels.

    `average_mirrored`: take the mean of every crop's pose and its mirror image's. `advance` is told after
    each batch how many more faces are done. Raises DatasetError when not one face could be posed.
    """
    head_mm = load_head(HEAD).landmarks_mm
    failed = dict(dataset.left_out)
    asked = MirrorAveraged(network) if average_mirrored else network
    windows, poses = _run(dataset.samples, asked, failed, advance)
    posed = poses.finite
    if not posed.any():
        raise DatasetError(f"no face of {name} could be posed: {failed}. Are the photos beside the labels?")
    samples = [sample for sample, good in zip(dataset.samples, posed, strict=True) if good]
    poses, windows = poses[posed], windows[posed]
    projection = projection_to_image(poses.rotation, poses.tvec_mm, windows, network.spec.camera)
    labels = _labels(samples)
    errors = errors_of(
        poses.rotation,
        project(head_mm, projection),
        labels.trusted_rotation,
        labels.landmarks_px,
        _yaw(labels.rotation, labels.landmarks_px, head_mm),
        labels.person,
    )
    wide = np.abs(errors.yaw_deg) > WIDE_DEG
    return Evaluation(
        dataset=name,
        kind=dataset.kind,
        network=network.spec.name + (" averaged with its mirror image" if average_mirrored else ""),
        sha256=network.sha256,
        all=score(errors),
        by_yaw=score_by_yaw(errors),
        wide=score_wide(errors),
        failed=failed,
        errors=errors,
        confidence=poses.confidence,
        doubt=_doubt(poses, errors),
        doubt_wide=_doubt(poses[wide], errors[wide]) if wide.any() else None,
    )


def _doubt(poses: PoseBatch, errors: Errors) -> Doubt | None:
    if poses.confidence is None:
        return None
    return doubt_of(poses.confidence, errors.geodesic_deg, errors.landmarks_eyes)


def crops_of(dataset: Dataset, spec: NetworkSpec, most: int) -> NDArray[np.uint8]:
    """At most so many crops of a data set's faces, spread over all of it, as the network wants them.

    Raises DatasetError where no face has one.
    """
    step = max(len(dataset.samples) // most, 1)
    chosen = list(islice(dataset.samples, 0, None, step))[:most]
    failed: dict[str, int] = {}
    crops = [crops for _, crops, _ in _batches(chosen, spec, failed)]
    if not crops:
        raise DatasetError(f"none of {len(chosen)} faces could be cropped: {failed}. Are the photos there?")
    return np.concatenate(crops)


def _run(
    samples: Sequence[Sample],
    network: Network,
    failed: dict[str, int],
    advance: Callable[[int], object],
) -> tuple[NDArray[np.int64], PoseBatch]:
    """Windows and poses of all samples, NaN for those that failed, which are counted by reason."""
    n, size = len(samples), network.spec.size_px
    windows = np.zeros((n, 4), np.int64)
    rotation, tvec_mm = np.full((n, 3, 3), np.nan), np.full((n, 3), np.nan)
    confidence = np.full(n, np.nan) if network.spec.confidence_output else None
    windows[:] = [0, 0, size, size]
    done = 0
    for rows, crops, found in _batches(samples, network.spec, failed):
        posed = pose_crops(network, crops)
        _count(failed, *posed.rejected.values())
        good = np.array(rows)[posed.index]
        rotation[good], tvec_mm[good] = posed.poses.rotation, posed.poses.tvec_mm
        windows[good] = found[posed.index]
        if confidence is not None and posed.poses.confidence is not None:
            confidence[good] = posed.poses.confidence
        advance(rows[-1] + 1 - done)
        done = rows[-1] + 1
    advance(n - done)
    return windows, PoseBatch(rotation, tvec_mm, confidence)


def _batches(
    samples: Sequence[Sample], spec: NetworkSpec, failed: dict[str, int]
) -> Iterator[tuple[list[int], NDArray[np.uint8], NDArray[np.int64]]]:
    """Numbers, crops and windows of the samples that have both, a batch at a time."""
    rows: list[int] = []
    crops: list[NDArray[np.uint8]] = []
    windows: list[NDArray[np.int64]] = []
    for row, sample in enumerate(samples):
        try:
            cut = sample.cut(spec)
        except FaceRejectedError as fault:
            _count(failed, fault)
            continue
        rows.append(row)
        crops.append(cut.crop)
        windows.append(cut.window_xyxy_px)
        if len(rows) == _BATCH:
            yield rows, np.stack(crops), np.stack(windows)
            rows, crops, windows = [], [], []
    if rows:
        yield rows, np.stack(crops), np.stack(windows)


def _count(failed: dict[str, int], *faults: FaceRejectedError) -> None:
    for fault in faults:
        failed[str(fault.reason)] = failed.get(str(fault.reason), 0) + 1


class _Labels(NamedTuple):
    """Labels of n faces, NaN where one is missing. `trusted_rotation`: those to measure against; the others
    still say in which bin of yaw a face belongs. `person`: the same number for photos of one."""

    rotation: Float64[np.ndarray, "n 3 3"]
    trusted_rotation: Float64[np.ndarray, "n 3 3"]
    landmarks_px: Float64[np.ndarray, "n 68 2"]
    person: Int64[np.ndarray, " n"]


def _labels(samples: Sequence[Sample]) -> _Labels:
    no_rotation, no_landmarks = np.full((3, 3), np.nan), np.full((LANDMARKS, 2), np.nan)
    # A face whose person is not known is another person's.
    names = [f"face {number}" if s.subject is None else f"of {s.subject}" for number, s in enumerate(samples)]
    return _Labels(
        np.stack([no_rotation if s.rotation is None else s.rotation for s in samples]),
        np.stack([no_rotation if s.trusted_rotation is None else s.trusted_rotation for s in samples]),
        np.stack([no_landmarks if s.landmarks_px is None else s.landmarks_px for s in samples]),
        np.unique(names, return_inverse=True)[1],
    )


def _yaw(
    rotation: NDArray[np.float64],
    landmarks: NDArray[np.float64],
    head_mm: Float64[np.ndarray, "68 3"],
) -> NDArray[np.float64]:
    """Yaw of the labels; for faces that have landmarks only, of the pose that fits them best. Half a
    face does not say its pose: NaN."""
    unknown = np.isnan(rotation[:, 0, 0]) & np.isfinite(landmarks).all(axis=(1, 2))
    if unknown.any():
        points = landmarks[unknown]
        # Any square window will do: the camera is far away.
        corner = np.floor(np.nan_to_num(points).min(axis=1)).astype(np.int64)
        side = np.ceil(np.nan_to_num(np.ptp(points, axis=1)).max(axis=1)).astype(np.int64) + 1
        windows = np.concatenate([corner, corner + side[:, None]], axis=1)
        rotation = rotation.copy()
        rotation[unknown] = points_to_pose(points, head_mm, windows).rotation
    return rotation_to_published_angles(rotation)[:, 0]
