"""Labelled faces out of the folders of public data sets, all in this project's frames."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from faceposenet.photo.crop import CutFace, check_box, cut_from_photo
from faceposenet.photo.decode import DecodedPhoto
from faceposenet.photo.load import load_photo
from fpn_core import NetworkSpec
from pipeline.evaluate.biwi import is_biwi, read_biwi_frames
from pipeline.evaluate.conventions import (
    PUBLISHED_LIMIT_DEG,
    aflw_labels_to_rotation,
    matlab_to_pixels,
)
from pipeline.evaluate.errors import DatasetError
from pipeline.io.landmark_files import read_pts
from render_core.head import LANDMARKS

LABELS = "labels.json"
LARGEST_SPREAD_DEG = 8.0
"""Estimators that are further apart than this do not know the rotation of a face."""
IMAGES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class Sample:
    """A labelled face.

    Attributes:
        name: Its name in the data set.
        image: The photo.
        box_xywh_px: The face's box.
        rotation: Head to camera; None where it is not labelled.
        landmarks_px: The 68 points of 300-W in their order, NaN for points that are not labelled.
        spread_deg: How far the estimators are apart whose mean `rotation` is; None for another kind of label.
        subject: The person, where known.
    """

    name: str
    image: Path
    box_xywh_px: Float64[np.ndarray, " 4"]
    rotation: Float64[np.ndarray, "3 3"] | None
    landmarks_px: Float64[np.ndarray, "68 2"] | None
    spread_deg: float | None = None
    subject: str | None = None

    @property
    def trusted_rotation(self) -> Float64[np.ndarray, "3 3"] | None:
        """The rotation to measure against: none where estimators disagree on it."""
        return None if (self.spread_deg or 0.0) > LARGEST_SPREAD_DEG else self.rotation

    def read_photo(self) -> NDArray[np.uint8]:
        """Reads the photo as a job does, BGR and upright.

        Raises:
            FaceRejectedError: it is missing, cannot be read or decoded, or is too large.
        """
        return load_photo(str(self.image))

    def cut(self, spec: NetworkSpec) -> CutFace:
        """Cuts the face out of its photo for a network, as a job does at the photo's full size.

        Raises:
            FaceRejectedError: the photo cannot be read, or the box is invalid or outside it.
        """
        check_box(self.box_xywh_px)
        return cut_from_photo(DecodedPhoto.whole(self.read_photo()), self.box_xywh_px, spec)


@dataclass(frozen=True)
class Dataset:
    """Faces of one kind of data set, and how many were left out, by reason."""

    kind: str
    samples: tuple[Sample, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


def read_dataset(path: Path) -> Dataset:
    """The faces of a folder (or of its labels.json), whose kind is found by the files in it:

        labels.json      a list of {file, box, landmarks, pitch_deg, yaw_deg, roll_deg}; angles as AFLW2000-3D
                         has them, or rotation and rotation_spread_deg instead; subject_id
        *.mat            AFLW2000-3D and 300W-LP: beside each photo; needs SciPy
        */frame_*_pose.txt   BIWI
        *.pts            300-W: beside each photo

    Boxes are those of the labels; where there are none, they enclose the landmarks.

    Raises DatasetError, or MissingPackageError from reading .mat files without SciPy.
    """
    folder = path.parent if path.name == LABELS else path
    kinds: list[tuple[bool, Callable[[Path], Dataset]]] = [
        ((folder / LABELS).is_file(), _read_labels),
        (any(folder.glob("*.mat")), _read_aflw),
        (is_biwi(folder), _read_biwi),
        (any(folder.glob("*.pts")), _read_300w),
    ]
    for fits, read in kinds:
        if fits:
            dataset = read(folder)
            if not dataset.samples:
                raise DatasetError(f"{folder} ({dataset.kind}) has no face to evaluate: {dataset.left_out}")
            return dataset
    raise DatasetError(
        f"{path} is no data set that is known; expected a folder with labels.json, with .mat files"
        " (AFLW2000-3D), with frame_*_pose.txt in folders (BIWI), or with .pts files (300-W)."
    )


def enclosing_box(points_px: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " 4"]:
    """The smallest box `[x, y, width, height]` around points; those that are NaN do not count."""
    low = np.nanmin(points_px, axis=0)
    return np.concatenate([low, np.nanmax(points_px, axis=0) - low])


def _read_labels(folder: Path) -> Dataset:
    source = folder / LABELS
    try:
        labels = json.loads(source.read_text())
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot read {source}: {error}. Expected a JSON list of faces.") from error
    if not isinstance(labels, list):
        raise DatasetError(f"{source} holds a {type(labels).__name__}; expected a list of faces.")
    return Dataset("labels.json", tuple(_label(source, i, label) for i, label in enumerate(labels)))


def _label(source: Path, number: int, label: Mapping[str, Any]) -> Sample:
    try:
        landmarks = _landmarks(label["landmarks"]) if "landmarks" in label else None
        spread = label.get("rotation_spread_deg")
        subject = label.get("subject_id")
        if "box" in label:
            box = np.array(label["box"], np.float64).reshape(4)
        elif landmarks is not None:
            box = enclosing_box(landmarks)
        else:
            raise KeyError("box")
        return Sample(
            str(label["file"]),
            source.parent / label["file"],
            box,
            _rotation(label),
            landmarks,
            None if spread is None else float(spread),
            None if subject is None else str(subject),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"face {number} of {source} is not as expected ({type(error).__name__}: {error}): file, box"
            " [x, y, w, h], and landmarks (68 x 2, null for points that are not labelled), pitch_deg, yaw_deg"
            " and roll_deg, or rotation (9 numbers, row by row, head to camera)."
        ) from error


def _landmarks(points: Sequence[Sequence[float] | None]) -> Float64[np.ndarray, "68 2"] | None:
    """68 points, NaN for null; None where all of them are null."""
    filled = [(np.nan, np.nan) if point is None else point for point in points]
    landmarks: NDArray[np.float64] = np.array(filled, np.float64).reshape(LANDMARKS, 2)
    return None if np.isnan(landmarks).all() else landmarks


def _rotation(label: Mapping[str, Any]) -> Float64[np.ndarray, "3 3"] | None:
    """The labelled rotation in this project's frame, or None.

    Raises ValueError for numbers that are no rotation.
    """
    if "rotation" in label:
        rotation: NDArray[np.float64] = np.array(label["rotation"], np.float64).reshape(3, 3)
        # Written with a few decimals.
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
            raise ValueError(f"rotation {label['rotation']} is not a rotation matrix")
        return rotation
    if "yaw_deg" not in label:
        return None
    angles = np.array([[float(label[f"{axis}_deg"]) for axis in ("pitch", "yaw", "roll")]])
    return np.asarray(aflw_labels_to_rotation(angles)[0])


def _read_aflw(folder: Path) -> Dataset:
    """`Pose_Para`: pitch, yaw, roll in radians and more; `pt3d_68`: 3 x 68."""
    from pipeline.evaluate.matlab import read_matlab  # noqa: PLC0415  (SciPy is optional)

    samples: list[Sample] = []
    left_out: dict[str, int] = {}
    for labels in sorted(folder.glob("*.mat")):
        image = _image_beside(labels)
        arrays = read_matlab(labels)
        try:
            angles = np.rad2deg(arrays["Pose_Para"].astype(np.float64).reshape(-1)[:3])
            points = matlab_to_pixels(arrays["pt3d_68"][:2].T.astype(np.float64).reshape(LANDMARKS, 2))
        except (KeyError, ValueError) as error:
            raise DatasetError(
                f"{labels} holds {sorted(arrays)} ({error}); expected Pose_Para and pt3d_68 (3 x 68), as"
                " AFLW2000-3D has them."
            ) from error
        if np.abs(angles).max() > PUBLISHED_LIMIT_DEG:
            reason = f"an angle beyond {PUBLISHED_LIMIT_DEG:.0f} degrees"
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        rotation = aflw_labels_to_rotation(angles[None])[0]
        samples.append(Sample(labels.stem, image, enclosing_box(points), rotation, points))
    return Dataset("AFLW2000-3D", tuple(samples), left_out)


def _read_biwi(folder: Path) -> Dataset:
    return Dataset("BIWI", tuple(Sample(*frame, None) for frame in read_biwi_frames(folder)))


def _read_300w(folder: Path) -> Dataset:
    samples = []
    for labels in sorted(folder.glob("*.pts")):
        points = _read_points(labels)
        samples.append(Sample(labels.stem, _image_beside(labels), enclosing_box(points), None, points))
    return Dataset("300-W", tuple(samples))


def _read_points(path: Path) -> NDArray[np.float64]:
    try:
        return read_pts(path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"cannot read the points of {path}: {error}; expected {LANDMARKS} in braces, as 300-W has them."
        ) from error


def _image_beside(labels: Path) -> Path:
    for suffix in IMAGES:
        for name in (labels.with_suffix(suffix), labels.with_suffix(suffix.upper())):
            if name.is_file():
                return name
    raise DatasetError(
        f"there is no photo beside {labels}; expected one of its name with {', '.join(IMAGES)}."
    )
