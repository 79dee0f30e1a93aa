"""`fpn manifest` as a user calls it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from pipeline.config.settings import JobConfig
from pipeline.io.image_access import image_places
from pipeline.io.recordio import RecordWriter
from pipeline.io.storage import read_file
from tests.conftest import ReferenceData
from tests.photos import write_portrait
from tests.pipeline.manifest.build.conftest import WriteTar

pytestmark = pytest.mark.usefixtures("quick")


def manifest(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["manifest", *map(str, arguments)])


def png(side_px: int) -> bytes:
    return bytes(cv2.imencode(".png", np.zeros((side_px, side_px, 3), np.uint8))[1])


def image_of(out: Path, row: int) -> bytes:
    """The image of a row as a job would read it."""
    places = image_places(str(out), JobConfig())
    return read_file(places.locate(pd.read_parquet(out).image[row]))


def test_from_images(tmp_path: Path, yunet: str, two_faces_jpeg: bytes, blank_jpeg: bytes) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/two.jpg").write_bytes(two_faces_jpeg)
    (tmp_path / "photos/blank.jpg").write_bytes(blank_jpeg)
    (tmp_path / "photos/readme.md").write_text("")
    out = tmp_path / "faces.parquet"
    found = manifest("from-images", tmp_path / "photos", out, "--detector", yunet, "--faces", "largest")
    assert found.exit_code == 0, found.output
    assert found.output.splitlines() == [
        f"{out}: 1 faces in 1 of 2 images; 1 more faces were not asked for",
        f"{tmp_path}/faces.rejects.parquet: 1 images without a face: 1 no_face",
        "passed over, as no images: 1 x .md",
    ]
    assert image_of(out, 0) == two_faces_jpeg
    assert "face_score" in pd.read_parquet(out)


def test_from_imagefolder_for_scripts(tmp_path: Path) -> None:
    (tmp_path / "faces/anna").mkdir(parents=True)
    (tmp_path / "faces/anna/1.png").write_bytes(png(112))
    (tmp_path / "faces/anna/2.png").write_bytes(b"none")
    out = tmp_path / "elsewhere/faces.parquet"
    found = manifest("from-imagefolder", tmp_path / "faces", out, "--box", "aligned", "--json")
    assert json.loads(found.output) == {
        "manifest": str(out),
        "rejects": f"{tmp_path}/elsewhere/faces.rejects.parquet",
        "images": 2,
        "images_with_faces": 1,
        "images_rejected": {"image_unreadable": 1},
        "faces": 1,
        "faces_left_out": 0,
    }
    assert pd.read_parquet(out).to_dict("records") == [
        {
            "face_id": "anna/1.png",
            "image": f"{tmp_path}/faces/anna/1.png",
            "x": 17.5,
            "y": 12.5,
            "width": 77.0,
            "height": 101.5,
            "subject_id": "anna",
        }
    ]


def test_from_csv(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text(
        "key;path;x1;y1;x2;y2;who\nk;a.jpg;1;2;4;6;anna\nl;a.jpg;1;2;1;6;bob\n"
    )
    out = tmp_path / "faces.parquet"
    columns = ("--column", "face_id=key", "--column", "image=path", "--column", "subject_id=who")
    found = manifest("from-csv", tmp_path / "boxes.csv", out, *columns, "--boxes", "xyxy")
    assert found.exit_code == 0, found.output
    assert "1 images without a face: 1 box_invalid" in found.output
    assert pd.read_parquet(out).to_dict("records") == [
        {"face_id": "k", "image": "a.jpg", "x": 1, "y": 2, "width": 3, "height": 4, "subject_id": "anna"}
    ]


def test_from_webdataset(tmp_path: Path, write_tar: WriteTar) -> None:
    write_tar(
        tmp_path / "a.tar",
        {"0.jpg": b"with a box", "0.json": {"box": [1, 2, 3, 4], "age": 3}, "1.png": png(20), "1.cls": b"7"},
    )
    out = tmp_path / "faces.parquet"
    found = manifest("from-webdataset", tmp_path / "a.tar", out, "--subject", "cls", "--carry", "age")
    assert "1 images without a face: 1 box_missing" in found.output
    out.unlink()
    found = manifest(
        "from-webdataset", tmp_path / "a.tar", out, "--subject", "cls", "--carry", "age", "--box", "whole"
    )
    assert found.exit_code == 0, found.output
    table = pd.read_parquet(out)
    assert table.face_id.tolist() == ["a/0", "a/1"]
    assert table.width.tolist() == [3, 20]
    assert table.subject_id.fillna("").tolist() == ["", "7"]
    assert [image_of(out, row) for row in (0, 1)] == [b"with a box", png(20)]


def test_from_recordio(tmp_path: Path) -> None:
    with (tmp_path / "train.rec").open("wb") as rec, (tmp_path / "train.idx").open("wb") as idx:
        writer = RecordWriter(rec, idx)
        writer.write(0, [2, 3], b"")
        writer.write(1, 5, png(112))
        writer.write(2, [1, 2], b"")
    out = tmp_path / "faces.parquet"
    found = manifest("from-recordio", tmp_path / "train.rec", out)
    assert found.exit_code == 0, found.output
    assert "2 records describe the set and are no images" in found.output
    row = pd.read_parquet(out).iloc[0]
    assert (row.face_id, row.subject_id, row.width) == ("train/000000001", "5", 77)
    assert image_of(out, 0) == png(112)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("from-images", ".", "m.parquet"), "say where the faces are"),
        (
            ("from-images", ".", "m.parquet", "--box", "whole", "--detector", "x"),
            "either --detector or --box",
        ),
        (("from-csv", "a.csv", "m.parquet", "--column", "image"), "expected NAME=THEIRS, got 'image'"),
        (("from-rec", "a", "b"), "Did you mean 'from-recordio'?"),
    ],
)
def test_wrong_commands(arguments: tuple[str, ...], said: str) -> None:
    found = manifest(*arguments)
    assert found.exit_code == 2
    assert said in found.output


def test_errors_are_a_line(tmp_path: Path) -> None:
    found = manifest("from-images", tmp_path / "none", tmp_path / "m.parquet", "--box", "whole")
    assert (found.exit_code, found.output) == (1, f"error: there is no folder '{tmp_path}/none'\n")


def test_a_fetched_detector_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: ReferenceData
) -> None:
    model = reference.path("detector/face_detection_yunet_2023mar.onnx")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    write_portrait(Path("photos/a.jpg"))
    command = ["manifest", "from-images", "photos", "faces.parquet", "--detector", "yunet"]
    missing = CliRunner().invoke(main, command)
    assert missing.exit_code != 0 and "fpn models fetch yunet" in missing.output
    assert CliRunner().invoke(main, ["models", "fetch", "yunet", "--from", str(model)]).exit_code == 0
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert len(pd.read_parquet("faces.parquet")) == 1
