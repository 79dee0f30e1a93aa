"""One photo looked at: its faces found or named, posed, and one of them rendered."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceposenet import Face, FacePoseError, FacePoser, FaceRejectedError, Rejected, View
from faceposenet.detector import FaceDetector
from faceposenet.photo.load import load_photo
from pipeline.errors import PipelineError
from pipeline.io.image_access import read_image

_STRAIGHT_DEG = 0.5
_WORDS = {
    "yaw": ("nose to the right of the image", "nose to the left of the image"),
    "pitch": ("nose up", "nose down"),
    "roll": ("head turned anticlockwise", "head turned clockwise"),
}


class NoFaceError(PipelineError):
    """A photo without a face, or a face without a pose."""


@dataclass(frozen=True)
class LookedAt:
    """A photo, the poses of its faces, and the views of one of them."""

    photo: np.ndarray
    """uint8 (h, w, 3), BGR."""
    boxes_xywh_px: np.ndarray
    """float64 (n, 4), from left to right."""
    faces: tuple[Face | Rejected, ...]
    chosen: int
    """Which of them is rendered: the largest."""
    views: tuple[View, ...]

    @property
    def face(self) -> Face:
        """The face that is rendered."""
        face = self.faces[self.chosen]
        assert isinstance(face, Face)
        return face


def look_at(
    image: str,
    where: Sequence[float] | Path,
    poser: FacePoser,
    views_deg: Sequence[float],
    size_px: int,
) -> LookedAt:
    """Pose the faces of a photo and render the largest.

    `image`: a path or URI. `where`: the box of its one face, x, y, width, height in pixels, or the model of a
    detector that finds them all. `views_deg`: yaws of the views, `size_px`: their side.

    Raises:
        NoFaceError: no photo, no face in it, or the largest has no pose or no views.
        DetectorError: a detector that cannot be used.
    """
    photo = _read(image)
    boxes = _find(photo, image, where) if isinstance(where, Path) else np.array([where], np.float64)
    faces = tuple(poser.pose_batch(photo, boxes))
    chosen = int(np.argmax(boxes[:, 2] * boxes[:, 3]))
    face = faces[chosen]
    if isinstance(face, Rejected):
        raise NoFaceError(f"{image}: the face has no pose: {face.reason}, {face.detail}")
    try:
        views = poser.views(photo, face, views_deg, size_px=size_px)
    except FacePoseError as error:
        raise NoFaceError(f"{image}: the face has no views: {error}") from error
    return LookedAt(photo, boxes, faces, chosen, tuple(views))


def _read(image: str) -> np.ndarray:
    """The upright photo: uint8 (h, w, 3), BGR."""
    try:
        return load_photo(image, read=read_image)
    except FaceRejectedError as fault:
        raise NoFaceError(f"{image}: {fault.detail}") from fault


def _find(photo: np.ndarray, image: str, detector: Path) -> np.ndarray:
    """float64 (n, 4): the boxes that a detector finds, from left to right."""
    boxes = FaceDetector(detector).detect(photo).boxes_xywh_px
    if not len(boxes):
        raise NoFaceError(f"{image}: the detector finds no face; say where it is with --box x,y,width,height")
    return np.asarray(boxes[np.argsort(boxes[:, 0], kind="stable")], np.float64)


def direction(angle: str, value_deg: float) -> str:
    """What an angle means: "yaw", "pitch" or "roll"."""
    if abs(value_deg) < _STRAIGHT_DEG:
        return "straight"
    return _WORDS[angle][int(value_deg > 0)]


def describe(looked: LookedAt) -> str:
    """The pose in words, of the rendered face in full, of the others in a line."""
    face = looked.face
    sure = "none: this network gives none" if face.confidence is None else f"{face.confidence:.3f}"
    about = "" if face.expected_error_deg is None else f"about {face.expected_error_deg:.0f}° off"
    rows = [
        *((name, f"{_angle(face, name):+.1f}°", direction(name, _angle(face, name))) for name in _WORDS),
        ("rvec", ", ".join(f"{value:.4f}" for value in face.rvec_rad) + " rad", ""),
        ("tvec", ", ".join(f"{value:.1f}" for value in face.tvec_mm) + " mm", ""),
        ("box", ", ".join(f"{value:.1f}" for value in face.box_xywh_px) + " px", ""),
        ("confidence", sure, about),
    ]
    lines = [f"{name:12}{value:7}  {words}".rstrip() for name, value, words in rows]
    if len(looked.faces) > 1:
        lines.insert(0, f"face {looked.chosen + 1} of {len(looked.faces)}, the largest:")
        lines += [f"face {i + 1}: {_line(face)}" for i, face in enumerate(looked.faces) if i != looked.chosen]
    if face.warning:
        lines.append(f"hint: {face.warning}")
    return "\n".join(lines)


def as_record(looked: LookedAt) -> dict[str, Any]:
    """All faces for scripts: number of the rendered one from 0, and each face's fields or why it has none."""
    return {
        "rendered": looked.chosen,
        "faces": [face.as_dict() if isinstance(face, Face) else vars(face) for face in looked.faces],
    }


def _angle(face: Face, angle: str) -> float:
    return float(getattr(face, f"{angle}_deg"))


def _line(face: Face | Rejected) -> str:
    if isinstance(face, Rejected):
        return f"no pose ({face.reason})"
    return ", ".join(f"{angle} {_angle(face, angle):+.1f}°" for angle in _WORDS)
