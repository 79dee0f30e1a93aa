"""A recognition dataset in RecordIO becomes a manifest, a job, and RecordIO again."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from click.testing import CliRunner

from faceposenet.photo.byte_ranges import with_spans
from pipeline.cli.main import main
from pipeline.io.recordio import MAGIC, RecordWriter, read_image_record
from pipeline.io.storage import read_file
from tests.photos import portrait

# Where this portrait's eyes are, about, and where the template of aligned crops has them.
EYES_PX = np.float32([[200, 102], [247, 103]])
TEMPLATE_EYES_PX = np.float32([[38.3, 51.7], [73.5, 51.5]])


def aligned_crop(mirrored: bool) -> bytes:
    turn, _ = cv2.estimateAffinePartial2D(EYES_PX, TEMPLATE_EYES_PX)
    crop = cv2.warpAffine(portrait(), turn, (112, 112), flags=cv2.INTER_AREA)
    crop[:, :16], crop[:, -16:] = 255, 0
    return bytes(cv2.imencode(".jpg", crop[:, ::-1] if mirrored else crop)[1])


def left_minus_right(image: np.ndarray) -> float:
    """How much brighter the left of a crop is."""
    return float(image[20:100, :16].mean() - image[20:100, -16:].mean())


def run(*arguments: object) -> None:
    found = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert found.exit_code == 0, found.output


def test_recordio_in_and_out(tmp_path: Path) -> None:
    crops = [aligned_crop(False), aligned_crop(True), aligned_crop(False)]
    # A comment whose text is the format's magic, at a multiple of four bytes: this record is cut there.
    crops[2] = crops[2][:2] + b"\xff\xfe\x00\x0c" + b"012345" + MAGIC + crops[2][2:]
    with (tmp_path / "in.rec").open("wb") as rec, (tmp_path / "in.idx").open("wb") as idx:
        writer = RecordWriter(rec, idx)
        for key, (label, crop) in enumerate(zip([4, 9, 4], crops, strict=True), 1):
            writer.write(key, label, crop)
    run("manifest", "from-recordio", tmp_path / "in.rec", tmp_path / "faces.parquet", "--workers", 1)
    assert pd.read_parquet(tmp_path / "faces.parquet").image.str.count(",").tolist() == [0, 0, 2]
    small = ("--set", "render.size_px=64", "--set", "render.views_deg=[0]", "--set", "render.aligned_px=112")
    run("run", tmp_path / "faces.parquet", tmp_path / "out", *small, "--set", "engine.runner=local")
    run("export", tmp_path / "out", tmp_path / "rec", "--as", "recordio")
    path = tmp_path / "rec/train.rec"
    with path.open("rb") as file:
        header = read_image_record(file, 0)
        records, at = [], header.end
        for _ in range(3):
            records.append(read_image_record(file, at))
            at = records[-1].end
    assert header.labels == (4, 6)
    assert [record.labels for record in records] == [(0,), (0,), (1,)]
    for record, crop in zip(records, [crops[0], crops[2], crops[1]], strict=True):
        before = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
        data = read_file(with_spans(str(path), record.image))
        after = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert after.shape == before.shape == (112, 112, 3)
        # Left stays left, of the photo and of its mirror image.
        assert abs(left_minus_right(before)) > 25
        assert left_minus_right(before) * left_minus_right(after) > 25**2
