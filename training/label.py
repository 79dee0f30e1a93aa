"""Photos with landmarks made into a training set: crops, and poses by PnP as in the paper (Chang et al.,
ICCVW
2017, section 3.2)."""

from collections.abc import Iterator

import numpy as np

from fpn_core import crop_windows, extract_crop, valid_boxes
from fpn_core.crop import image_to_crop
from pipeline.evaluate.dataset import Dataset, Sample
from render_core.heads import load_head
from training.crops import CROP_TO_BOX, SIDE_PX, Face
from training.points import fit_poses

_EXPAND = (CROP_TO_BOX - 1) / 2


def label_faces(dataset: Dataset, source: str, left_out: dict[str, int]) -> Iterator[Face]:
    """The faces of a labelled data set (`pipeline.evaluate.dataset.read_dataset` tells of which kinds) as
    crops.

    The rotation is the data set's own or, where it has none, that with which the mean head fits the
    landmarks. Faces that cannot be used are counted in `left_out` by reason.
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
    if sample.landmarks_px is None or not np.isfinite(sample.landmarks_px).all():
        return "no landmarks"
    image = sample.read_photo()
    if image is None:
        return "no readable photo"
    if not valid_boxes(sample.box_xywh_px[None])[0]:
        return "no valid box"
    window = crop_windows(sample.box_xywh_px[None], _EXPAND)
    to_crop = image_to_crop(window, SIDE_PX)[0]
    points = sample.landmarks_px @ to_crop[:2, :2].T + to_crop[:2, 2]
    rotation = sample.rotation
    if rotation is None:
        pose = fit_poses(points[None], head_mm)
        if not pose.finite[0]:
            return "no pose fits the landmarks"
        rotation = pose.rotation[0]
    crop = extract_crop(image, window[0], SIDE_PX, "area")
    return Face(face_id, source, crop, points, rotation)
