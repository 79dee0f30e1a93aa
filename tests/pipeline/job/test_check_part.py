"""Counting the members of shards without a walk through them."""

import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.io.storage import Folder
from pipeline.job.check_part import check_counts, check_files, check_sizes
from pipeline.job.ledger import LedgerEntry, commit, part_files, read_entry
from pipeline.stages.write import REJECT_SCHEMA, parquet_file, pose_schema


def _shard(pictures: list[bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for n, picture in enumerate(pictures):
            for name in ("0.jpg", "40.jpg", "aligned.jpg", "json"):
                info = tarfile.TarInfo(f"000000-{n:06d}.{name}")
                info.size = len(picture)
                tar.addfile(info, io.BytesIO(picture))
    return buffer.getvalue()


def _part(folder: Path, pictures: list[bytes], views: int) -> tuple[Folder, LedgerEntry]:
    out, names = Folder(str(folder)), part_files(0, views=True)
    ids = [f"f{n}" for n in range(len(pictures))]
    schema = pose_schema(pa.schema([]))
    poses = pa.table({"face_id": ids}).to_pylist()
    files = {
        names["poses"]: parquet_file(pa.Table.from_pylist(poses, schema)),
        names["rejects"]: parquet_file(REJECT_SCHEMA.empty_table()),
        names["views"]: _shard(pictures),
    }
    n = len(pictures)
    return out, commit(
        out, LedgerEntry(0, "f", rows=n, posed=n, rejected=0, views=views, rejects_by_reason={}), files
    )


# The last is a picture that holds what looks like a header, at a place where headers are.
LIKE_A_HEADER = bytes(512 + 257) + b"ustar" + bytes(250)


@pytest.mark.parametrize("picture", [b"", b"x" * 511, b"x" * 512, b"x" * 5_000_000, LIKE_A_HEADER])
def test_views_and_faces_are_counted(tmp_path: Path, picture: bytes) -> None:
    out, entry = _part(tmp_path, [picture, b"small"], views=4)
    found = check_files(out, check_counts(0, entry, 2, "f"))
    assert (found.problems, found.views) == ([], 4)
    assert {kind: len(ids) for kind, ids in found.ids.items()} == {"poses": 2, "rejects": 0}


def test_counts_that_are_wrong_are_found(tmp_path: Path) -> None:
    out, entry = _part(tmp_path, [b"a", b"b"], views=5)
    assert check_files(out, check_counts(0, entry, 2, "f")).problems == [
        "the shard has 4 views of 2 faces, the ledger counts 5 of 2"
    ]
    assert check_counts(0, entry, 3, "other").problems == [
        "it was made by a job with another fingerprint",
        "the ledger counts 2 faces, 2 posed and 0 rejected, 0 erased; planned were 3",
    ]
    assert check_counts(0, None, 3, "").problems == ["its ledger entry is gone"]


@pytest.mark.parametrize("kind", ["poses", "rejects", "views"])
def test_a_byte_that_changed_a_byte_that_is_gone_and_a_file_that_is_gone(tmp_path: Path, kind: str) -> None:
    out, _ = _part(tmp_path, [b"a"], views=2)
    entry, name = read_entry(out, 0), part_files(0, views=True)[kind]
    path = tmp_path / name
    data = path.read_bytes()

    def problems() -> tuple[list[str], list[str]]:
        sizes = {f"{k}/{n}": s for k in ("poses", "rejects", "views") for n, s in out.sizes(k).items()}
        counted = check_counts(0, entry, 1, "f")
        full = check_files(out, counted).problems
        return full, check_sizes(check_counts(0, entry, 1, "f"), sizes).problems

    assert problems() == ([], [])
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    full, by_size = problems()
    assert full == [f"{name} is not as it was written: {len(data)} bytes for {len(data)}, or others"]
    assert by_size == []
    path.write_bytes(data[:-1])
    assert problems()[1] == [f"{name} has {len(data) - 1} bytes, {len(data)} were written"]
    path.unlink()
    assert problems() == ([f"{name} is missing"], [f"{name} is missing"])
