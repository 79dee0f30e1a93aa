"""Photos with landmarks made into a training set: crops, and poses by PnP as in the paper (Chang et al.,
ICCVW 2017, section 3.2)."""

from collections.abc import Iterator

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.crop import check_box
from fpn_core import crop_windows, extract_crop
from fpn_core.crop import image_to_crop
from pipeline.evaluate.dataset import Dataset, Sample
from render_core.heads import load_head
from training.crops import CROP_TO_BOX, SIDE_PX, Face
from training.points import fit_poses

_EXPAND = (CROP_TO_BOX - 1) / 2


def label_faces(dataset: Dataset, source: str, left_out: dict[str, int]) -> Iterator[Face]:
    """The faces of a labelled data set as crops.

    The rotation is the data set's own or, where it has none, that with which the mean head fits the
    landmarks. Half of a face's landmarks do not say its pose: such faces need a rotation.

    Args:
        dataset: As `pipeline.evaluate.dataset.read_dataset` reads it.
        source: What the faces are called in the labels.
        left_out: Counts the faces that cannot be used, by reason.

    Yields:
        One face after the other.
    """
    head_mm = np.asarray(load_head().landmarks_mm)
    for number, sample in enumerate(dataset.samples):
        face = _label(sample, f"{source}{number:06d}", source, head_mm)
        if isinstance(face, str):
            left_out[face] = left_out.get(face, 0) + 1
        else:
            yield face


def _label(sample: Sample, face_id: str, source: str, head_mm: np.ndarray) -> Face | str:
    """The face, or why there is none."""
    if sample.landmarks_px is None or np.isfinite(sample.landmarks_px).all(axis=1).sum() < 2:
        return "no landmarks"
    try:
        check_box(sample.box_xywh_px)
        image = sample.read_photo()
    except FaceRejectedError as fault:
        return str(fault.reason)
    window = crop_windows(sample.box_xywh_px[None], _EXPAND)
    to_crop = image_to_crop(window, SIDE_PX)[0]
    points = sample.landmarks_px @ to_crop[:2, :2].T + to_crop[:2, 2]
    rotation = _rotation(sample, points, head_mm)
    if isinstance(rotation, str):
        return rotation
    crop = extract_crop(image, window[0], SIDE_PX, "area")
    group = "" if sample.subject is None else f"{source} {sample.subject}"
    return Face(face_id, source, crop, points, rotation, group)


def _rotation(sample: Sample, points_px: np.ndarray, head_mm: np.ndarray) -> np.ndarray | str:
    """The rotation of the face with these points in its crop, or why there is none."""
    if sample.rotation is not None:
        trusted = sample.trusted_rotation
        return "estimators disagree on the rotation" if trusted is None else trusted
    if not np.isfinite(points_px).all():
        return "a part of the landmarks and no rotation"
    pose = fit_poses(points_px[None], head_mm)
    return np.asarray(pose.rotation[0]) if pose.finite[0] else "no pose fits the landmarks"
