import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.config.settings import ImageSettings
from pipeline.engine.quarantine import NO_CARE, Care, Exclusion
from pipeline.io.storage import Folder
from pipeline.manifest.build.find import Chunk, Finder, FinderSettings, Found
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.reasons import Reason, Stage
from tests.photos import FACE_XYWH_PX, jpeg_with_orientation, portrait


def find(
    folder: Path | str, settings: FinderSettings, *items: SourceImage | Refused, care: Care = NO_CARE
) -> Found:
    return Finder(settings, str(folder))(Chunk(10, items), care)


def test_every_face_of_every_photo(
    tmp_path: Path, yunet: str, face_jpeg: bytes, two_faces_jpeg: bytes
) -> None:
    (tmp_path / "one.jpg").write_bytes(face_jpeg)
    (tmp_path / "two.jpg").write_bytes(two_faces_jpeg)
    photos = (SourceImage("1", "one.jpg", ("anna",)), SourceImage("2", "two.jpg", (None,)))
    found = find(tmp_path, FinderSettings(yunet), *photos)
    assert [face.face_id for face in found.faces] == ["1#0", "2#0", "2#1"]
    assert [face.image for face in found.faces] == ["one.jpg", "two.jpg", "two.jpg"]
    assert [face.values for face in found.faces] == [("anna",), (None,), (None,)]
    np.testing.assert_allclose(found.faces[0].box_xywh_px, FACE_XYWH_PX, atol=12)
    left, right = (face.box_xywh_px[0] for face in found.faces[1:])
    assert 680 < left < 1000 < right
    assert all(face.score is not None and face.score > 0.7 for face in found.faces)
    assert (found.refused, found.left_out) == ([], 0)


@pytest.mark.parametrize(("faces", "x_from", "x_to"), [("largest", 1000, 1800), ("central", 680, 1000)])
def test_one_of_several_faces(
    tmp_path: Path, yunet: str, two_faces_jpeg: bytes, faces: str, x_from: float, x_to: float
) -> None:
    (tmp_path / "two.jpg").write_bytes(two_faces_jpeg)
    found = find(tmp_path, FinderSettings(yunet, faces=faces), SourceImage("2", "two.jpg"))
    (face,) = found.faces
    assert face.face_id == "2"
    assert x_from < face.box_xywh_px[0] < x_to
    assert found.left_out == 1


def test_boxes_are_those_of_the_upright_photo(tmp_path: Path, yunet: str) -> None:
    sideways = np.rot90(portrait())  # a viewer turns it back by 90 degrees clockwise: orientation 6
    (tmp_path / "a.jpg").write_bytes(jpeg_with_orientation(np.ascontiguousarray(sideways), 6))
    (face,) = find(tmp_path, FinderSettings(yunet), SourceImage("a", "a.jpg")).faces
    np.testing.assert_allclose(face.box_xywh_px, FACE_XYWH_PX, atol=12)


def test_rules_instead_of_a_detector(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((112, 112, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((30, 40, 3), np.uint8))
    photos = (SourceImage("a", "a.png"), SourceImage("b", "b.png"))
    whole = find(tmp_path, FinderSettings(box="whole"), *photos)
    assert [face.box_xywh_px for face in whole.faces] == [(0, 0, 112, 112), (0, 0, 40, 30)]
    assert [face.face_id for face in whole.faces] == ["a", "b"]
    assert [face.score for face in whole.faces] == [None, None]
    aligned = find(tmp_path, FinderSettings(box="aligned"), photos[0])
    assert aligned.faces[0].box_xywh_px == (17.5, 12.5, 77, 101.5)


def test_boxes_of_the_source_are_taken_unseen(tmp_path: Path) -> None:
    given = SourceImage("a", "nowhere.jpg", (), (1, 2, 3, 4))
    broken = SourceImage("b", "nowhere.jpg", (), (1, 2, math.nan, 4))
    found = find(tmp_path, FinderSettings(box="whole"), given, broken)
    assert [(face.face_id, face.box_xywh_px) for face in found.faces] == [("a", (1, 2, 3, 4))]
    assert [(item.image, item.reason) for item in found.refused] == [("nowhere.jpg", BuildReason.BOX_INVALID)]


def test_photos_without_a_row_have_a_reason(
    tmp_path: Path, yunet: str, face_jpeg: bytes, blank_jpeg: bytes
) -> None:
    (tmp_path / "blank.jpg").write_bytes(blank_jpeg)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_bytes(b"text")
    (tmp_path / "large.png").write_bytes(bytes(cv2.imencode(".png", np.zeros((600, 600), np.uint8))[1]))
    (tmp_path / "long.jpg").write_bytes(face_jpeg + bytes(100_000))
    names = ("blank", "empty", "text", "long", "none")
    settings = FinderSettings(yunet, images=ImageSettings(max_bytes=100_000, max_pixels=512 * 512))
    earlier = Refused("link", BuildReason.LINK_NOT_FOLLOWED, "a link")
    photos = [SourceImage(name, f"{name}.jpg") for name in names]
    found = find(tmp_path, settings, earlier, *photos, SourceImage("large", "large.png"))
    assert found.faces == []
    assert [str(item.reason) for item in found.refused] == [
        "link_not_followed",
        "no_face",
        "image_unreadable",
        "image_unreadable",
        "image_too_large",
        "image_missing",
        "image_too_large",
    ]
    without = find(tmp_path, FinderSettings(), SourceImage("blank", "blank.jpg"))
    assert [item.reason for item in without.refused] == [BuildReason.BOX_MISSING]


def test_a_photo_that_brought_a_worker_down_is_not_touched_again(tmp_path: Path, blank_jpeg: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(blank_jpeg)
    care = Care({11: Exclusion(Stage.DECODE, Reason.WORKER_CRASH, "signal 11", 2)})
    photos = (SourceImage("a", "a.jpg"), SourceImage("b", "a.jpg"), SourceImage("c", "a.jpg"))
    found = find(tmp_path, FinderSettings(box="whole"), *photos, care=care)
    assert [face.face_id for face in found.faces] == ["a", "c"]
    assert found.refused == [Refused("a.jpg", BuildReason.WORKER_CRASH, "signal 11")]


def test_the_watcher_hears_of_each_photo_before_it_is_touched(tmp_path: Path, blank_jpeg: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(blank_jpeg)
    heard: list[tuple[int, ...]] = []
    settings = FinderSettings(box="whole")
    finder = Finder(settings, str(tmp_path), lambda stage, rows: heard.append(tuple(rows)))
    photos = (
        SourceImage("a", "a.jpg"),
        SourceImage("b", "a.jpg", (), (1, 2, 3, 4)),
        SourceImage("c", "a.jpg"),
    )
    found = finder(Chunk(10, photos))
    assert [face.face_id for face in found.faces] == ["a", "b", "c"]
    assert heard == [(10,), (12,), ()]


def test_photos_of_a_store_are_read_ahead_and_stay_in_order() -> None:
    folder = Folder("memory://find")
    photos = []
    for n in range(40):
        folder.write(f"{n}.png", bytes(cv2.imencode(".png", np.zeros((2, n + 1, 3), np.uint8))[1]))
        photos.append(SourceImage(str(n), f"{n}.png"))
    found = find("memory://find", FinderSettings(box="whole"), *photos)
    assert [face.box_xywh_px[2] for face in found.faces] == list(range(1, 41))


def test_an_image_of_an_unknown_scheme_is_a_reject_among_others(tmp_path: Path, blank_jpeg: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(blank_jpeg)
    photos = (
        SourceImage("a", "a.jpg"),
        SourceImage("b", "nosuch://user:secret@host/b.jpg"),
        SourceImage("c", "a.jpg"),
    )
    found = find(tmp_path, FinderSettings(box="whole"), *photos)
    assert [face.face_id for face in found.faces] == ["a", "c"]
    (refused,) = found.refused
    assert refused.reason == BuildReason.IMAGE_NOT_ALLOWED
    assert "secret" not in refused.detail
