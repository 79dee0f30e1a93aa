from pathlib import Path

import numpy as np
import pytest

from faceposenet import DetectorError, FaceRejectedError, detect
from tests.conftest import ReferenceData
from tests.photos import FACE_XYWH_PX, portrait

MODEL = "detector/face_detection_yunet_2023mar.onnx"


def test_the_face_is_found_where_a_person_sees_it(reference: ReferenceData) -> None:
    (box,) = detect(portrait(), reference.path(MODEL))
    x, y, width, height = FACE_XYWH_PX
    np.testing.assert_allclose(box[:2] + box[2:] / 2, [x + width / 2, y + height / 2], atol=20)
    rgb = np.ascontiguousarray(portrait()[:, :, ::-1])
    np.testing.assert_array_equal(detect(rgb, reference.path(MODEL), channels="RGB"), [box])


def test_a_photo_without_a_face_has_no_box(reference: ReferenceData) -> None:
    assert detect(np.full((200, 300, 3), 128, np.uint8), reference.path(MODEL)).shape == (0, 4)


def test_a_photo_that_is_not_there(reference: ReferenceData, tmp_path: Path) -> None:
    with pytest.raises(FaceRejectedError, match="image_missing"):
        detect(tmp_path / "absent.jpg", reference.path(MODEL))


def test_a_detector_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"no face detector .*absent\.onnx"):
        detect(portrait(), tmp_path / "absent.onnx")
