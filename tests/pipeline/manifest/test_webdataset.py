import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.manifest import check_ids, open_manifest


def write_shard(path: Path, members: dict[str, bytes | dict]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            content = json.dumps(data).encode() if isinstance(data, dict) else data
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def sample(n: int, **more: object) -> dict[str, bytes | dict]:
    box = {"x": n, "y": 1, "width": 2, "height": 3.5}
    return {
        f"{n:03d}.jpg": f"image {n}".encode(),
        f"{n:03d}.json": {**box, "subject": f"s{n}", "age": n, **more},
    }


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    first = {key: value for n in range(4) for key, value in sample(n).items()}
    write_shard(tmp_path / "a-000.tar", first)
    write_shard(tmp_path / "a-001.tar", {k: v for n in range(4, 9) for k, v in sample(n).items()})
    return tmp_path


def test_slices_cross_shards_and_begin_where_they_lie(shards: Path) -> None:
    manifest = open_manifest(str(shards), ManifestSettings())
    assert (manifest.kind, manifest.n_rows) == ("webdataset", 9)
    check_ids(manifest)
    for count in (1, 2, 5, 9, 100):
        read = [manifest.read(part) for part in manifest.slices(count)]
        assert [face for rows in read for face in rows.face_id] == [f"{n:03d}" for n in range(9)]
        assert [data for rows in read for data in rows.image_bytes] == [
            f"image {n}".encode() for n in range(9)
        ]
        assert [row for rows in read for row in rows.row] == list(range(9))


def test_boxes_ids_and_carried_values(tmp_path: Path) -> None:
    members = {
        **sample(0, face_id="mine", flag=True, nested={"a": 1}),
        **sample(1, age="unknown", bbox=[5, 6, 7, 8]),
        "dir.v1/k.png": b"png",
        "dir.v1/k.json": {"box": [1, 2, 3, "wide"]},
    }
    write_shard(tmp_path / "a.tar", members)
    manifest = open_manifest(str(tmp_path / "a.tar"), ManifestSettings())
    rows = manifest.read(manifest.slices(9)[0])
    assert rows.face_id == ["mine", "001", "dir.v1/k"]
    np.testing.assert_array_equal(rows.box_xywh_px[:2], [[0, 1, 2, 3.5], [5, 6, 7, 8]])
    assert np.isnan(rows.box_xywh_px[2, 3])
    assert rows.carried.to_pylist() == [
        {"age": 0.0, "flag": True, "subject": "s0"},
        {"age": None, "flag": None, "subject": "s1"},
        {"age": None, "flag": None, "subject": None},
    ]


def test_half_a_sample_is_a_face_that_can_be_rejected_and_none_that_is_lost(tmp_path: Path) -> None:
    write_shard(
        tmp_path / "a.tar", {**sample(0), "001.jpg": b"no json", "002.json": {"x": 1}, "003.txt": b"note"}
    )
    manifest = open_manifest(str(tmp_path / "a.tar"), ManifestSettings())
    rows = manifest.read(manifest.slices(9)[0])
    assert rows.face_id == ["000", "001", "002"]
    assert rows.image_bytes == [b"image 0", b"no json", b""]
    assert np.isnan(rows.box_xywh_px[1:]).any(axis=1).all()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"a.txt": b""}, "holds no sample"),
        ({"a.jpg": b"", "a.json": b"{"}, "a.json is no JSON"),
        ({"a.jpg": b"", "a.json": b"[1]"}, "must be a JSON object, but is a list"),
        ({"a.jpg": b"", "a.json": {"x": 1, "yaw_deg": 3}}, "yaw_deg has the name of a column of the results"),
    ],
)
def test_shards_that_are_none_are_refused(tmp_path: Path, members: dict, said: str) -> None:
    write_shard(tmp_path / "a.tar", members)
    with pytest.raises(ManifestError, match=said):
        open_manifest(str(tmp_path / "a.tar"), ManifestSettings())


def test_a_torn_shard_is_named(shards: Path) -> None:
    path = shards / "a-001.tar"
    path.write_bytes(path.read_bytes()[:1100])
    with pytest.raises(ManifestError, match=r"a-001\.tar is no whole tar file"):
        open_manifest(str(shards), ManifestSettings())
