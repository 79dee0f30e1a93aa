import math
from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.io.storage import read_file
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.build.shards import ShardSource
from tests.pipeline.manifest.build.conftest import WriteTar


def test_samples_with_boxes_ids_and_subjects(tmp_path: Path, write_tar: WriteTar) -> None:
    write_tar(
        tmp_path / "shards-0.tar",
        {
            "a.jpg": b"first",
            "a.json": {"box": [1, 2, 3, 4], "face_id": "mine", "subject_id": 7, "age": 40, "more": [1]},
            "b.png": b"second",
            "c.json": {"x": 1},
            "d.jpg": b"third",
            "d.json": {"x": 1, "y": 2, "width": "wide", "height": 4},
        },
    )
    source = ShardSource(str(tmp_path / "shards-0.tar"), str(tmp_path), carry=("age", "more"))
    assert source.columns == ("subject_id", "age", "more")
    first, second, lost, third = source.photos()
    assert isinstance(first, SourceImage)
    assert isinstance(second, SourceImage)
    assert isinstance(third, SourceImage)
    assert (first.name, first.values, first.box_xywh_px) == ("mine", ("7", "40", "[1]"), (1, 2, 3, 4))
    assert (second.name, second.values, second.box_xywh_px) == ("shards-0/b", (None,) * 3, None)
    assert lost == Refused(
        "shards-0.tar: c", BuildReason.IMAGE_MISSING, "there is JSON, but no image beside it"
    )
    assert third.box_xywh_px is not None
    assert math.isnan(third.box_xywh_px[2])
    for photo, data in ((first, b"first"), (second, b"second"), (third, b"third")):
        assert read_file(str(tmp_path / photo.image)) == data


def test_a_folder_of_shards_with_classes(tmp_path: Path, write_tar: WriteTar) -> None:
    write_tar(tmp_path / "b.tar", {"0.jpg": b"x", "0.cls": b"12\n"})
    write_tar(tmp_path / "a.tar", {"0.cls": b"3", "0.jpg": b"y"})
    photos = list(ShardSource(str(tmp_path), str(tmp_path)).photos())
    assert [(photo.name, photo.values) for photo in photos] == [("a/0", ("3",)), ("b/0", ("12",))]


def test_the_field_of_the_subject_can_be_named(tmp_path: Path, write_tar: WriteTar) -> None:
    write_tar(tmp_path / "a.tar", {"0.jpg": b"x", "0.json": {"who": "anna"}})
    assert ShardSource(str(tmp_path / "a.tar"), str(tmp_path)).columns == ()
    source = ShardSource(str(tmp_path / "a.tar"), str(tmp_path), subject="who")
    assert [photo.values for photo in source.photos()] == [("anna",)]


def test_shards_without_samples(tmp_path: Path, write_tar: WriteTar) -> None:
    write_tar(tmp_path / "a.tar", {"readme.txt": b""})
    with pytest.raises(ManifestError, match="holds no sample"):
        ShardSource(str(tmp_path), str(tmp_path))


def test_the_first_sample_does_not_decide_for_all(tmp_path: Path, write_tar: WriteTar) -> None:
    write_tar(
        tmp_path / "a.tar",
        {
            "0.jpg": b"x",
            "1.jpg": b"y",
            "1.json": {"subject_id": 2**53 + 1},
            "2.jpg": b"z",
            "2.cls": b"n12",
        },
    )
    source = ShardSource(str(tmp_path / "a.tar"), str(tmp_path))
    assert source.columns == ("subject_id",)
    assert [photo.values for photo in source.photos()] == [(None,), (str(2**53 + 1),), ("n12",)]


def test_the_size_of_the_picture_is_no_box(tmp_path: Path, write_tar: WriteTar) -> None:
    """As img2dataset writes it."""
    members = {"0.jpg": b"x", "0.json": {"url": "u", "width": 512, "height": 512}, "0.txt": b"caption"}
    write_tar(tmp_path / "a.tar", members)
    source = ShardSource(str(tmp_path / "a.tar"), str(tmp_path))
    assert [photo.box_xywh_px for photo in source.photos() if isinstance(photo, SourceImage)] == [None]
    assert source.note() == "passed over, as no images: 1 x .txt"


def test_photos_under_one_key_or_with_dots_are_taken_or_told(tmp_path: Path, write_tar: WriteTar) -> None:
    names = ("a.jpg", "a.png", "IMG.1.jpg", "IMG.2.avif", "b.jpg", "b.mask.png")
    write_tar(tmp_path / "s.tar", dict.fromkeys(names, b"x"))
    source = ShardSource(str(tmp_path / "s.tar"), str(tmp_path))
    several, first, second, last = source.photos()
    assert several == Refused(
        "s.tar: a", BuildReason.ROW_MALFORMED, "the sample has several images: 'a.jpg', 'a.png'"
    )
    assert [p.name for p in (first, second, last)] == ["s/IMG.1", "s/IMG.2", "s/b"]
    assert source.note() == "passed over, as no images: 1 x .mask.png"
