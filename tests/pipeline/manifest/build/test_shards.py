import math
from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.io.storage import read_file
from pipeline.manifest.build.photos import BuildReason, Photo, Refused
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
    assert isinstance(first, Photo)
    assert isinstance(second, Photo)
    assert isinstance(third, Photo)
    assert (first.name, first.values, first.box_xywh_px) == ("mine", ("7", "40", None), (1, 2, 3, 4))
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
