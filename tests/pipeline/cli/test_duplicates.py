import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import finished_face, make_job  # noqa: F401

CARRIED = pa.schema([("subject_id", pa.string()), ("embedding", pa.list_(pa.float32()))])


def crop(seed: int, quality: int = 95) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (112, 112), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


@pytest.fixture(scope="module")
def twins(make_job, tmp_path_factory: pytest.TempPathFactory) -> Folder:  # type: ignore[no-untyped-def]  # noqa: F811
    """Six faces of two people; 3 has the picture of 0, and 4 looks like somebody else."""
    faces = []
    for row, (who, seed, embedding) in enumerate(
        [
            ("a", 0, [1.0, 0.0]),
            ("a", 1, [0.9, 0.1]),
            ("b", 2, [0.0, 1.0]),
            ("a", 0, [1.0, 0.01]),
            ("b", 4, [1.0, 0.1]),
            ("b", 5, None),
        ]
    ):
        face = finished_face(row, ("0",), subject_id=who, embedding=embedding)
        faces.append(replace(face, aligned=crop(seed, 95 - 20 * (row == 3))))
    return make_job(str(tmp_path_factory.mktemp("twins") / "out"), faces, 4, CARRIED)


def duplicates(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["duplicates", *map(str, arguments)])


def test_the_table_says_what_is_there_twice(twins: Folder, tmp_path: Path) -> None:
    target = tmp_path / "dup.parquet"
    found = duplicates(
        twins.location, "--to", target, "--by", "subject_id", "--embedding", "embedding", "--json"
    )
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == {"to": str(target), "faces": 6, "same_photos": 1}
    table = pd.read_parquet(target).set_index("face_id")
    assert table.same_photo_as.dropna().to_dict() == {"face 3": "face 0"}
    assert table.most_alike["face 3"] == "face 0"
    assert table.most_alike_cosine["face 3"] == pytest.approx(1, abs=1e-3)
    assert table.most_alike_same_subject["face 3"]
    assert not table.most_alike_same_subject["face 4"]
    assert table.centre_cosine["face 4"] < 0.2
    assert table.centre_cosine["face 1"] > 0.9
    assert pd.isna(table.centre_cosine["face 5"])
    words = duplicates(
        twins.location, "--to", target, "--by", "subject_id", "--embedding", "embedding"
    ).stdout
    assert "6 faces, 1 of them with the photo of another" in words
    # The table is one that --where asks.
    where = f"face_id not in (select face_id from '{target}' where same_photo_as is not null)"
    export = ["export", twins.location, str(tmp_path / "set"), "--as", "parquet", "--where", where]
    exported = CliRunner().invoke(main, export)
    assert "6 posed faces = 5 exported" in exported.stdout, exported.output


def test_pictures_alone(twins: Folder, tmp_path: Path) -> None:
    assert duplicates(twins.location, "--to", tmp_path / "dup.parquet").exit_code == 0
    assert list(pd.read_parquet(tmp_path / "dup.parquet")) == ["face_id", "same_photo_as"]


def test_a_column_that_is_no_embedding(twins: Folder, tmp_path: Path) -> None:
    found = duplicates(twins.location, "--to", tmp_path / "x.parquet", "--embedding", "yaw_deg")
    assert "no embedding 'yaw_deg'; columns with lists of numbers are: embedding" in found.stderr
    found = duplicates(twins.location, "--to", tmp_path / "no/x.parquet")
    assert "cannot write" in found.stderr
