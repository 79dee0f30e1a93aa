from pathlib import Path

import cv2
import numpy as np
import pytest

from faceposenet import DetectorError
from faceposenet.detector import FaceDetector
from fpn_core import default_model_path
from tests.conftest import ReferenceData
from tests.photos import FACE_XYWH_PX, portrait

YUNET = "detector/face_detection_yunet_2023mar.onnx"


@pytest.fixture(scope="module")
def detector(reference: ReferenceData) -> FaceDetector:
    return FaceDetector(reference.path(YUNET))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    sides = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    return shared / (float(np.prod(a[2:]) + np.prod(b[2:])) - shared)


def test_the_face_of_a_portrait(detector: FaceDetector) -> None:
    found = detector.detect(portrait())
    assert len(found) == 1
    assert overlap(found.boxes_xywh_px[0], np.array(FACE_XYWH_PX)) > 0.7
    assert found.scores[0] > 0.9
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks_xy_px[0]
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert right_eye[1] < nose[1] < right_mouth[1]


@pytest.mark.parametrize("scale", [0.15, 0.5, 4, 10])
def test_faces_of_any_size_are_found_in_large_photos(detector: FaceDetector, scale: float) -> None:
    """From 17 px in a photo of 1280 px to one that fills a photo of 5000 px."""
    size = round(512 * scale)
    face = cv2.resize(
        portrait(), (size, size), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    photo = np.full((max(720, size), max(1280, size), 3), 90, np.uint8)
    photo[:size, -size:] = face
    found = detector.detect(photo)
    expected = np.array(FACE_XYWH_PX) * scale + [photo.shape[1] - size, 0, 0, 0]
    assert len(found) == 1
    assert overlap(found.boxes_xywh_px[0], expected) > 0.6  # a pixel is much of the smallest face


@pytest.mark.parametrize("side", [64, 112, 1280, 3000])
def test_a_photo_that_is_nothing_but_a_face(detector: FaceDetector, side: int) -> None:
    x, y, width, height = map(int, FACE_XYWH_PX)
    face = cv2.resize(portrait()[y - 10 : y + height, x : x + width], (side, side))
    found = detector.detect(face)
    assert len(found) == 1
    assert overlap(found.boxes_xywh_px[0], np.array([0, 0, side, side])) > 0.7


def test_two_faces_stay_two(detector: FaceDetector) -> None:
    found = detector.detect(np.concatenate([portrait(), portrait()], axis=1))
    assert sorted(np.round(found.boxes_xywh_px[:, 0] / 512 - 0.35).tolist()) == [0, 1]


def test_photos_without_a_face_and_of_a_pixel(detector: FaceDetector) -> None:
    for shape in ((480, 640, 3), (1, 1, 3), (1, 3000, 3)):
        found = detector.detect(np.full(shape, 128, np.uint8))
        assert (len(found), found.boxes_xywh_px.shape, found.landmarks_xy_px.shape) == (0, (0, 4), (0, 5, 2))


def test_models_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="there is no face detector"):
        FaceDetector(tmp_path / "none.onnx")
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    with pytest.raises(DetectorError, match="is no face detector that OpenCV"):
        FaceDetector(text)
    with pytest.raises(DetectorError, match="is no face detector that OpenCV"):
        FaceDetector(default_model_path())
