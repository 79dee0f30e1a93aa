import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.manifest import Manifest, Rows, check_ids, open_manifest


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
        {"age": "0", "flag": True, "nested": '{"a": 1}', "subject": "s0"},
        {"age": "unknown", "flag": None, "nested": None, "subject": "s1"},
        {"age": None, "flag": None, "nested": None, "subject": None},
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
        ({**sample(0), **sample(1, yaw_deg=3)}, "yaw_deg has the name of a column of the results"),
        ({**sample(0), **sample(1, face_id=None)}, "face_id of the sample '001' is null"),
        ({**sample(0), **sample(1, face_id=[1])}, "face_id of the sample '001' is \\[1\\]"),
        ({"a.jpg": b"", "a.json": b"[" * 100_000}, "a.json is no JSON: lists within lists"),
        ({"a.jpg": b"", "a.json": b'{"s": "\\ud800"}'}, "a.json has text that is no Unicode"),
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


def opened(path: Path, **settings: object) -> tuple[Manifest, Rows]:
    manifest = open_manifest(str(path), ManifestSettings(**settings))
    return manifest, manifest.read(manifest.slices(100)[0])


def test_values_come_out_as_they_went_in_whatever_the_first_sample_has(tmp_path: Path) -> None:
    subjects = [7, "n000012", 2**53 + 1, 2**53]
    members = {k: v for n, s in enumerate(subjects) for k, v in sample(n, subject=s).items()}
    write_shard(
        tmp_path / "a.tar", {**members, **sample(4, subject=True, score=0.5, big=2**53 + 1, late="x")}
    )
    _, rows = opened(tmp_path / "a.tar")
    assert rows.carried["subject"].to_pylist() == ["7", "n000012", str(2**53 + 1), str(2**53), "true"]
    assert rows.carried["big"].to_pylist() == [None] * 4 + [2**53 + 1]
    assert rows.carried["late"].to_pylist() == [None] * 4 + ["x"]
    assert rows.carried["age"].to_pylist() == [0, 1, 2, 3, 4]


def test_a_value_to_carry_that_no_sample_has_is_an_error(shards: Path) -> None:
    with pytest.raises(ManifestError, match="no sample has a value sex to carry"):
        open_manifest(str(shards), ManifestSettings(carry=["age", "sex"]))
    manifest = open_manifest(str(shards), ManifestSettings(carry=["age"]))
    assert manifest.carried_schema.names == ["age"]


def test_dots_in_names_are_names_and_fields_of_samples_are_fields(tmp_path: Path) -> None:
    box = {"box": [1, 2, 3, 4]}
    members = {
        "a.depth.png": b"1",
        "a.jpg": b"a",
        "a.json": box,
        "a.seg.png": b"2",
        "IMG.0001.jpg": b"i1",
        "IMG.0001.json": box,
        "IMG.0002.JPG": b"i2",
        "IMG.0002.json": box,
        "b.BMP": b"b",
        "b.json": box,
        "c.txt": b"",
        "._b.jpg": b"macOS",
    }
    write_shard(tmp_path / "a.tar", members)
    manifest, rows = opened(tmp_path / "a.tar")
    assert rows.face_id == ["a", "IMG.0001", "IMG.0002", "b"]
    assert rows.image_bytes == [b"a", b"i1", b"i2", b"b"]
    assert dict(manifest.passed_over) == {".depth.png": 1, ".seg.png": 1, ".txt": 1, ".jpg": 1}
    for count in (1, 2, 3):
        read = [manifest.read(part) for part in manifest.slices(count)]
        assert [face for rows in read for face in rows.face_id] == ["a", "IMG.0001", "IMG.0002", "b"]


def test_what_cannot_be_one_face_is_a_reject_that_says_why(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("a.jpg", "a.png", "a.json", "c.json"):
            data = json.dumps({"box": [1, 2, 3, 4]}).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("c.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "a.jpg"
        tar.addfile(link)
    _, rows = opened(tmp_path / "a.tar")
    assert rows.malformed == {
        0: "the sample has several images: 'a.jpg', 'a.png'",
        1: "'c.jpg' is a link, expected a file",
    }


def test_a_key_twice_is_refused_or_two_faces(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("a.jpg", "b.jpg", "a.jpg"):
            tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(ManifestError, match="'a' in rows 0, 2"):
        check_ids(open_manifest(str(tmp_path / "a.tar"), ManifestSettings()))


def test_width_and_height_alone_are_the_pictures(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", {"a.jpg": b"", "a.json": {"width": 512, "height": 512, "box": None}})
    _, rows = opened(tmp_path / "a.tar")
    assert np.isnan(rows.box_xywh_px).all()
    assert rows.box_fault(0).startswith("box the JSON has no box: expected")


def test_workers_get_no_place_of_every_sample(shards: Path) -> None:
    manifest = open_manifest(str(shards), ManifestSettings())
    parts = manifest.slices(4)
    sent = pickle.loads(pickle.dumps(manifest))
    assert [sent.read(part).face_id for part in parts] == [manifest.read(part).face_id for part in parts]
    assert sent.ids_seen is None


@pytest.mark.parametrize("damage", range(6))
def test_a_damaged_shard_is_never_a_shorter_one(tmp_path: Path, damage: int) -> None:
    path = tmp_path / "a.tar"
    write_shard(path, {k: v for n in range(4) for k, v in sample(n).items()})
    data = bytearray(path.read_bytes())
    header = 2048  # the third member's: each has a header and a block of data
    if damage == 0:
        data[header + 3] ^= 1
    elif damage == 1:
        data[header : header + 512] = bytes(512)
    elif damage == 2:
        data[header : header + 1024] = bytes(1024)
    elif damage == 3:
        data = data * 2
    elif damage == 4:
        del data[-9000:]
    else:
        data[header:] = bytes(2**22)
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=r"a\.tar (is|goes on)"):
        open_manifest(str(path), ManifestSettings())


def test_a_shard_that_changes_under_the_job_stops_it(shards: Path) -> None:
    manifest = open_manifest(str(shards), ManifestSettings())
    parts = manifest.slices(3)
    write_shard(shards / "a-001.tar", {k: v for n in range(3) for k, v in sample(n).items()})
    assert len(manifest.read(parts[0])) == 3
    with pytest.raises(ManifestError, match=r"a-001\.tar has changed since the job opened it"):
        manifest.read(parts[1])
