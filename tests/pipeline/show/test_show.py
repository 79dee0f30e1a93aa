from pathlib import Path

import cv2
import numpy as np
import pytest

from faceposenet import Face, FacePoser
from faceposenet.detector import Detections
from pipeline.show.show import LookedAt, NoFaceError, as_record, describe, direction, look_at
from tests.conftest import ReferenceData
from tests.photos import FACE_XYWH_PX, portrait, write_portrait


@pytest.fixture(scope="module")
def poser(tmp_path_factory: pytest.TempPathFactory) -> FacePoser:
    return FacePoser(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def photo(tmp_path: Path) -> str:
    return str(write_portrait(tmp_path / "portrait.jpg"))


@pytest.fixture
def pair(tmp_path: Path) -> str:
    """The portrait, and to its left a smaller mirror image of it."""
    picture = portrait()
    small = np.zeros_like(picture)
    small[:256, :256] = cv2.resize(picture[:, ::-1], (256, 256), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "pair.png"), np.hstack([small, picture]))
    return str(tmp_path / "pair.png")


def detect_pair(self: object, image: np.ndarray) -> Detections:
    """The two faces of the pair, the larger one first, as a detector gives them: by score."""
    x, y, w, h = FACE_XYWH_PX
    boxes = np.array([[512 + x, y, w, h], [(512 - x - w) / 2, y / 2, w / 2, h / 2]])
    return Detections(boxes, np.array([0.9, 0.8]), np.zeros((2, 5, 2)))


def look_at_pair(pair: str, poser: FacePoser, monkeypatch: pytest.MonkeyPatch) -> LookedAt:
    monkeypatch.setattr("pipeline.show.show.FaceDetector.__init__", lambda *_: None)
    monkeypatch.setattr("pipeline.show.show.FaceDetector.detect", detect_pair)
    return look_at(pair, Path("model.onnx"), poser, [0, 40], 64)


def test_the_face_in_a_box_is_posed_and_rendered(photo: str, poser: FacePoser) -> None:
    looked = look_at(photo, FACE_XYWH_PX, poser, [0, 40], 64)
    assert looked.face == looked.faces[0]
    assert [view.yaw_deg for view in looked.views] == [0, 40]
    assert looked.views[0].image.shape == (64, 64, 3)
    expected = poser.pose(photo, FACE_XYWH_PX)
    assert looked.face.yaw_deg == expected.yaw_deg
    lines = describe(looked).splitlines()
    assert [line.split()[0] for line in lines] == [
        "yaw",
        "pitch",
        "roll",
        "rvec",
        "tvec",
        "box",
        "confidence",
    ]
    assert lines[1].split(maxsplit=2) == ["pitch", f"{expected.pitch_deg:+.1f}°", "nose down"]
    assert lines[5].endswith("176.0, 72.0, 92.0, 113.0 px")


def test_the_largest_of_the_found_faces_is_rendered_and_all_are_told(
    pair: str, poser: FacePoser, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = look_at_pair(pair, poser, monkeypatch)
    assert looked.boxes_xywh_px[0, 0] < looked.boxes_xywh_px[1, 0]  # numbered from left to right
    assert looked.chosen == 1
    text = describe(looked)
    assert text.startswith("face 2 of 2, the largest:\n")
    assert text.splitlines()[-1].startswith("face 1: yaw ")
    record = as_record(looked)
    assert record["rendered"] == 1
    faces = [Face.from_row(face) for face in record["faces"]]
    # The mirror image leans to the other side.
    assert faces[0].roll_deg * faces[1].roll_deg < 0


def test_a_real_detector_finds_the_portrait(photo: str, poser: FacePoser, reference: ReferenceData) -> None:
    model = reference.path("detector/face_detection_yunet_2023mar.onnx")
    looked = look_at(photo, model, poser, [0], 64)
    assert looked.boxes_xywh_px == pytest.approx(np.array([FACE_XYWH_PX]), abs=15)


def test_a_photo_without_a_face_says_what_to_do(
    photo: str, poser: FacePoser, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))
    monkeypatch.setattr("pipeline.show.show.FaceDetector.__init__", lambda *_: None)
    monkeypatch.setattr("pipeline.show.show.FaceDetector.detect", lambda *_: none)
    with pytest.raises(NoFaceError, match="finds no face; say where it is with --box"):
        look_at(photo, Path("model.onnx"), poser, [0], 64)


@pytest.mark.parametrize(
    ("name", "box", "why"),
    [
        ("none.jpg", FACE_XYWH_PX, "there is no image"),
        ("text.jpg", FACE_XYWH_PX, "no image, or a truncated one"),
        ("portrait.jpg", (900, 900, 10, 10), "box_outside_image"),
    ],
)
def test_what_cannot_be_shown_is_told(
    tmp_path: Path, photo: str, poser: FacePoser, name: str, box: tuple[float, ...], why: str
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(NoFaceError, match=why):
        look_at(str(tmp_path / name), box, poser, [0], 64)


@pytest.mark.parametrize(
    ("angle", "value_deg", "words"),
    [
        ("yaw", 10, "nose to the left of the image"),
        ("yaw", -10, "nose to the right of the image"),
        ("pitch", 10, "nose down"),
        ("pitch", -10, "nose up"),
        ("roll", 10, "head turned clockwise"),
        ("roll", -10, "head turned anticlockwise"),
        ("roll", 0.1, "straight"),
    ],
)
def test_angles_in_words(angle: str, value_deg: float, words: str) -> None:
    assert direction(angle, value_deg) == words
