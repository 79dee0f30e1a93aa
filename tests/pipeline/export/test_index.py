import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import ConfigError, StorageError
from pipeline.export.index import ViewIndex, Wanted, index_views
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import MakeJob, finished_face


def names_of(index: ViewIndex) -> Counter[str]:
    return Counter(index.names[name] for name in index.name)


def test_every_view_of_every_face(job: Folder) -> None:
    said: list[tuple[int, int]] = []
    index = index_views(job, Wanted(by="subject_id"), lambda n, of: said.append((n, of)))
    assert said == [(1, 3), (2, 3), (3, 3)]
    assert names_of(index) == {"0": 8, "40": 9, "aligned": 9}
    assert index.subjects == ("../anna", "Con", "bob", "line\nbreak")
    assert index.face_subject.tolist() == [2, 0, 2, 1, 3, 0, -1, 1, 3]
    assert index.face_mirrored.tolist() == [row % 2 == 1 for row in range(9)]
    assert index.carried.names == ["subject_id", "age", "seen"]
    assert (index.posed, index.without_views, index.without_subject) == (9, 0, 0)
    data = {name: job.read(name) or b"" for name in index.shards}
    for shard, (offset, length) in zip(index.shard, index.span, strict=True):
        assert data[index.shards[shard]][offset : offset + length].startswith(b"\xff\xd8")
    rows = [
        json.loads(data[index.shards[n // 4]][o : o + k])["face_id"]
        for n, (o, k) in enumerate(index.face_span)
    ]
    assert rows == [f"face {row}" for row in range(9)]


def test_faces_without_the_views_or_a_subject_are_counted(job: Folder) -> None:
    index = index_views(job, Wanted(("0",), "subject_id", needs_subject=True))
    assert names_of(index) == {"0": 7}
    assert (index.posed, len(index.face_span), index.without_views, index.without_subject) == (9, 7, 1, 1)


def test_subjects_of_any_type(make_job: MakeJob, tmp_path: Path) -> None:
    carried = pa.schema([("who", pa.int32())])
    faces = [finished_face(row, who=who) for row, who in enumerate([10, 9, None, 10])]
    index = index_views(make_job(str(tmp_path), faces, carried=carried), Wanted(by="who"))
    assert index.subjects == ("10", "9")
    assert index.face_subject.tolist() == [0, 1, -1, 0]


@pytest.mark.parametrize(
    ("wanted", "render", "said"),
    [
        (Wanted(by="who"), {}, "no column 'who'; carried are subject_id, age, seen"),
        (Wanted(("0", "30")), {}, "no view 30; it has 0, 40, aligned"),
        (Wanted(("aligned",)), {"aligned_px": None}, "no view aligned; it has 0, 40"),
        (Wanted(), {"enabled": False}, "has poses, but no views to export"),
    ],
)
def test_what_a_job_does_not_have(
    make_job: MakeJob, tmp_path: Path, wanted: Wanted, render: dict, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        index_views(make_job(str(tmp_path), **render), wanted)


def test_only_committed_parts_count(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(str(tmp_path))
    whole = index_views(job, Wanted())
    (tmp_path / "_ledger/part-000001.json").unlink()
    index = index_views(job, Wanted())
    assert (index.posed, index.unfinished, whole.unfinished) == (5, 5, 0)
    assert index.fingerprint != whole.fingerprint
    for entry in (tmp_path / "_ledger").iterdir():
        entry.unlink()
    with pytest.raises(StorageError, match="has no part that is done"):
        index_views(job, Wanted())


@pytest.mark.parametrize("kind", ["poses", "views"])
def test_files_that_are_not_as_they_were_written_are_refused(
    make_job: MakeJob, tmp_path: Path, kind: str
) -> None:
    job = make_job(str(tmp_path))
    (path,) = (tmp_path / kind).glob("part-000001.*")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(StorageError, match=rf"{kind}/part-000001\.\w+ in .* is not as it was written"):
        index_views(job, Wanted())
    path.unlink()
    with pytest.raises(StorageError, match=rf"{kind}/part-000001\.\w+ is missing"):
        index_views(job, Wanted())


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not an output of fpn run"):
        index_views(Folder(str(tmp_path)), Wanted())


def test_views_and_poses_of_other_faces_are_refused(make_job: MakeJob, tmp_path: Path) -> None:
    faces = [finished_face(row, subject_id="a", age=1, seen=None) for row in range(2)]
    make_job(str(tmp_path / "a"), faces)
    make_job(str(tmp_path / "b"), [faces[0], replace(faces[1], face_id="another")])
    for name in ("views/part-000000.tar", "_ledger/part-000000.json"):
        (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    poses = json.loads((tmp_path / "a/_ledger/part-000000.json").read_text())
    poses["files"]["poses/part-000000.parquet"] = sha(tmp_path / "a/poses/part-000000.parquet")
    (tmp_path / "a/_ledger/part-000000.json").write_text(json.dumps(poses))
    with pytest.raises(StorageError, match="differ at the face 'face 1'"):
        index_views(Folder(str(tmp_path / "a")), Wanted())


def sha(path: Path) -> dict[str, object]:
    data = path.read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
