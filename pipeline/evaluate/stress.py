"""How far poses move when the photo of a face gets worse while the head stays as it is: another box, fewer
pixels, a covered quarter, a turned photo.

Every condition is measured against the labelled rotation and, for what the condition alone does, against the
same face unspoiled. `jitter` needs no label: the same head in many boxes should have one pose.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, Int64, UInt8
from numpy.typing import NDArray

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.crop import check_box, cut_from_photo
from faceposenet.photo.decode import DecodedPhoto
from fpn_core import NetworkSpec, geodesic_deg, nearest_rotation
from fpn_core.mirror import Network
from fpn_core.rotation import rotation_about_axis
from pipeline.evaluate.dataset import Dataset, Sample
from pipeline.evaluate.errors import DatasetError

SMALL_FACE_PX = 20
HIDDEN_SIDE = 0.5
"""Side of the grey square that hides a quarter of the box, in sides of the box."""

JITTERED_BOXES = 40
JITTER_SCALE, JITTER_SHIFT = 0.1, 0.05
"""Standard deviations of the logarithm of a box's side, and of its shifts in sides: two detectors that agree
on a face differ by about as much."""

TURNS_DEG = (90, 180, 270)
_GREY = 128
_SEED = 0
_BATCH = 64


@dataclass(frozen=True)
class Condition:
    """Mean rotation errors in degrees over the faces with a labelled rotation: of the spoiled faces, and by
    how much they are above those of the faces as they are."""

    error_deg: float
    growth_deg: float


@dataclass(frozen=True)
class Stress:
    """`plain_deg`: mean rotation error of the faces as they are. `jitter_deg`: median over faces of the
    standard deviation of the rotation under 40 random boxes."""

    faces: int
    plain_deg: float
    conditions: Mapping[str, Condition]
    jitter_deg: float


@dataclass(frozen=True, eq=False)
class _Face:
    image: UInt8[np.ndarray, "h w 3"]
    box_xywh_px: Float64[np.ndarray, " 4"]
    rotation: Float64[np.ndarray, "3 3"]


def stress(dataset: Dataset, network: Network) -> Stress:
    """Measures a network under every condition. Raises DatasetError where no face has photo, box and
    rotation."""
    faces = [face for sample in dataset.samples if (face := _read(sample, network.spec)) is not None]
    if not faces:
        raise DatasetError(
            f"none of {len(dataset.samples)} faces has a photo, a box and a labelled rotation; stress is"
            " measured against rotations. Take a data set with angles, such as AFLW2000-3D."
        )
    plain = _error(faces, network)
    spoiled: dict[str, list[_Face]] = {
        f"{SMALL_FACE_PX} px": [_shrunk(face) for face in faces],
        "quarter hidden": [_hidden(face, corner) for face in faces for corner in range(4)],
    }
    spoiled |= {f"turned {angle}": [_turned(face, angle) for face in faces] for angle in TURNS_DEG}
    errors = {name: _error(changed, network) for name, changed in spoiled.items()}
    return Stress(
        len(faces),
        plain,
        {name: Condition(error, error - plain) for name, error in errors.items()},
        float(np.median([_jitter(face, network, number) for number, face in enumerate(faces)])),
    )


def stress_table(stress: Stress) -> str:
    """The conditions as lines of text."""
    lines = [
        f"{'condition':16}{'angle':>8}{'growth':>8}   {stress.faces} faces, mean rotation error in degrees"
    ]
    lines.append(f"{'as they are':16}{stress.plain_deg:8.2f}{'-':>8}")
    lines += [
        f"{name:16}{condition.error_deg:8.2f}{condition.growth_deg:8.2f}"
        for name, condition in stress.conditions.items()
    ]
    lines.append(
        f"{JITTERED_BOXES} random boxes of a face (side +-{100 * JITTER_SCALE:.0f} %, shift"
        f" {100 * JITTER_SHIFT:.0f} %): median standard deviation of the rotation"
        f" {stress.jitter_deg:.2f} degrees"
    )
    return "\n".join(lines)


def _read(sample: Sample, spec: NetworkSpec) -> _Face | None:
    """The face; None where it has no rotation to measure against, or a job would reject it."""
    if sample.trusted_rotation is None:
        return None
    try:
        check_box(sample.box_xywh_px)
        image = sample.read_photo()
        cut_from_photo(DecodedPhoto.whole(image), sample.box_xywh_px, spec)
    except FaceRejectedError:
        return None
    return _Face(image, sample.box_xywh_px, sample.trusted_rotation)


def _error(faces: Sequence[_Face], network: Network) -> float:
    found, posed = _rotations(((face.image, face.box_xywh_px) for face in faces), network)
    labels = np.stack([face.rotation for face in faces])
    return float(geodesic_deg(found, labels[posed]).mean())


def _rotations(
    views: Iterable[tuple[NDArray[np.uint8], NDArray[np.float64]]], network: Network
) -> tuple[Float64[np.ndarray, "m 3 3"], Int64[np.ndarray, " m"]]:
    """Rotations of the faces that can be cropped, and which these are: a spoiled box can leave its photo."""
    crops, posed = [], []
    for number, (image, box) in enumerate(views):
        with suppress(FaceRejectedError):
            crops.append(cut_from_photo(DecodedPhoto.whole(image), box, network.spec).crop)
            posed.append(number)
    return network(np.stack(crops), batch_size=_BATCH).rotation, np.array(posed, dtype=np.int64)


def _jitter(face: _Face, network: Network, number: int) -> float:
    """Root of the mean squared angle between a face's rotations and their mean."""
    rng = np.random.default_rng([_SEED, number])
    x, y, width, height = face.box_xywh_px
    side, centre = max(width, height), np.array([x + width / 2, y + height / 2])
    sides = side * np.exp(rng.normal(0, JITTER_SCALE, JITTERED_BOXES))
    centres = centre + side * rng.normal(0, JITTER_SHIFT, (JITTERED_BOXES, 2))
    boxes = [np.array([*(c - s / 2), s, s]) for c, s in zip(centres, sides, strict=True)]
    rotations, _ = _rotations(((face.image, box) for box in boxes), network)
    mean = nearest_rotation(rotations.mean(axis=0)[None])
    angles = geodesic_deg(rotations, np.broadcast_to(mean, rotations.shape))
    return float(np.sqrt(np.square(angles).mean()))


def _shrunk(face: _Face) -> _Face:
    """The photo at the scale at which the box has SMALL_FACE_PX."""
    height, width = face.image.shape[:2]
    scale = min(SMALL_FACE_PX / float(face.box_xywh_px[2:].max()), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = np.asarray(cv2.resize(face.image, size, interpolation=cv2.INTER_AREA))
    stretch = np.array([size[0] / width, size[1] / height])
    return _Face(small, face.box_xywh_px * np.tile(stretch, 2), face.rotation)


def _hidden(face: _Face, corner: int) -> _Face:
    """A grey square over one corner of the box."""
    x, y, width, height = face.box_xywh_px
    side = max(width, height)
    middle = np.array([x + width / 2, y + height / 2])
    step = side * np.array([-HIDDEN_SIDE if corner % 2 == 0 else 0, -HIDDEN_SIDE if corner < 2 else 0])
    low = np.rint(middle + step).astype(int)
    high = np.rint(middle + step + HIDDEN_SIDE * side).astype(int)
    image = face.image.copy()
    image[max(low[1], 0) : max(high[1], 0), max(low[0], 0) : max(high[0], 0)] = _GREY
    return _Face(image, face.box_xywh_px, face.rotation)


def _turned(face: _Face, angle_deg: int) -> _Face:
    """The whole photo turned clockwise, and the head with it."""
    code = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}[angle_deg]
    height, width = face.image.shape[:2]
    x, y, w, h = face.box_xywh_px
    # A pixel's area, from x to x + w, goes to the far side of the turned picture.
    box = {
        90: [height - y - h, x, h, w],
        180: [width - x - w, height - y - h, w, h],
        270: [y, width - x - w, h, w],
    }
    turn = rotation_about_axis(2, np.deg2rad(np.array([float(angle_deg)])))[0]
    turned = np.asarray(cv2.rotate(face.image, code))
    return _Face(turned, np.array(box[angle_deg], np.float64), turn @ face.rotation)
