"""Faces in a photo, by OpenCV's `FaceDetectorYN` with a model file that the user names (for example YuNet).

The detector sees faces of about 13 to 600 pixels. So a photo is looked at twice: shrunk to `longest_px` for
its small faces, and as a thumbnail for faces that fill the frame.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceposenet.errors import DetectorError
from faceposenet.known_detectors import KNOWN_DETECTORS, detector_file, how_to_fetch

LONGEST_PX = 1280
MIN_SCORE = 0.7
# As thumbnails, even photos that are nothing but a face show it well within the sizes that are found.
_THUMBNAIL_PX = 320
# Within one look: the model's own overlap (intersection over union), as in OpenCV's examples.
_NMS_IOU = 0.3
# Between the looks, of two boxes that share so much of the smaller one the surer one is the face. What the
# first look sees in a face far beyond its sizes are parts of it.
_SAME_FACE = 0.7
_MOST_FACES = 5000
_LOG_ERRORS = 2  # LOG_LEVEL_ERROR, which OpenCV 4 does not name in Python


@dataclass(frozen=True)
class Detections:
    """The faces of one photo, the surest first."""

    boxes_xywh_px: np.ndarray
    """float64 (n, 4): from the top left corner, in pixels of the photo; may reach beyond it."""
    scores: np.ndarray
    """float64 (n,): 0 to 1."""
    landmarks_xy_px: np.ndarray
    """float64 (n, 5, 2): right eye, left eye, tip of the nose, right and left corner of the mouth, where
    right is the person's own."""

    def __len__(self) -> int:
        return len(self.scores)

    def pick(self, order: np.ndarray) -> "Detections":
        """The faces at some places, in their order."""
        return Detections(self.boxes_xywh_px[order], self.scores[order], self.landmarks_xy_px[order])


class FaceDetector:
    """Finds faces. One instance serves one thread of one process.

    Raises:
        DetectorError: no such file, or no model that `FaceDetectorYN` runs.
    """

    def __init__(
        self, model_path: Path, *, min_score: float = MIN_SCORE, longest_px: int = LONGEST_PX
    ) -> None:
        path = detector_file(model_path)
        if not path.is_file():
            known = KNOWN_DETECTORS.get(str(model_path))
            way = (
                "expected an ONNX file such as YuNet, or its name, yunet"
                if known is None
                else how_to_fetch(known)
            )
            raise DetectorError(f"there is no face detector {str(model_path)!r}: {way}")
        self._longest_px = longest_px
        # OpenCV warns of the default target that it itself passes on.
        level = _set_log_level(_LOG_ERRORS)
        try:
            self._model = cv2.FaceDetectorYN.create(
                str(path), "", (_THUMBNAIL_PX, _THUMBNAIL_PX), min_score, _NMS_IOU, _MOST_FACES
            )
            self.detect(np.zeros((_THUMBNAIL_PX, _THUMBNAIL_PX, 3), np.uint8))
        except cv2.error as error:
            raise DetectorError(
                f"{str(model_path)!r} is no face detector that OpenCV's FaceDetectorYN runs: expected YuNet, "
                f"for instance face_detection_yunet_2023mar.onnx; OpenCV says: {error.err}"
            ) from error
        finally:
            _set_log_level(level)

    def detect(self, image: np.ndarray) -> Detections:
        """The faces of a photo.

        image: uint8 (h, w, 3), BGR, upright.
        """
        longest = max(image.shape[:2])
        fine = self._look(image, min(1.0, self._longest_px / longest))
        if min(longest, self._longest_px) <= 2 * _THUMBNAIL_PX:
            return fine
        return _merged(fine, self._look(image, _THUMBNAIL_PX / longest))

    def _look(self, image: np.ndarray, scale: float) -> Detections:
        height, width = image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        self._model.setInputSize(size)
        _, found = self._model.detect(pixels)
        rows = np.zeros((0, 15)) if found is None else np.asarray(found, dtype=np.float64)
        # x, y, width, height; five points; score
        rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, 2] > 0) & (rows[:, 3] > 0)]
        rows = rows[np.argsort(-rows[:, 14], kind="stable")]
        rescale = np.array([width / size[0], height / size[1]])
        return Detections(
            rows[:, :4] * np.tile(rescale, 2), rows[:, 14], rows[:, 4:14].reshape(-1, 5, 2) * rescale
        )


def _set_log_level(level: int) -> int:
    """Sets what OpenCV logs, and returns the level before. OpenCV 5 has the function in another module."""
    module = getattr(cv2.utils, "logging", cv2)
    return int(module.setLogLevel(level))


def _merged(fine: Detections, coarse: Detections) -> Detections:
    """The faces of both looks, each once."""
    both = Detections(
        np.concatenate([fine.boxes_xywh_px, coarse.boxes_xywh_px]),
        np.concatenate([fine.scores, coarse.scores]),
        np.concatenate([fine.landmarks_xy_px, coarse.landmarks_xy_px]),
    )
    look = np.repeat([0, 1], [len(fine), len(coarse)])
    kept: list[int] = []
    for i in np.argsort(-both.scores, kind="stable"):
        others = [j for j in kept if look[j] != look[i]]
        if not others or _shared(both.boxes_xywh_px[i], both.boxes_xywh_px[others]).max() < _SAME_FACE:
            kept.append(int(i))
    return both.pick(np.array(kept, dtype=np.int64))


def _shared(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Area that a box shares with each of others, as a part of the smaller one of the two."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    area = np.prod(np.clip(high - low, 0, None), axis=1)
    shared: np.ndarray = area / np.minimum(np.prod(box[2:]), np.prod(others[:, 2:], axis=1))
    return shared
