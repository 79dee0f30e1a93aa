"""The files of a part without some of its faces; everything else of them as it was."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.io.parquet import read_parquet
from pipeline.job.ledger import LedgerEntry, WrittenFile, part_files, written_file
from pipeline.stages.write import parquet_file


@dataclass(frozen=True)
class FilteredPart:
    """A part without some faces."""

    entry: LedgerEntry
    files: dict[str, bytes]
    """Those that have changed, by name."""


def without_faces(
    entry: LedgerEntry,
    files: Mapping[str, bytes],
    face_ids: Collection[str],
    retried: Mapping[str, str],
) -> FilteredPart:
    """Take faces out of a part.

    Args:
        entry: The part's ledger entry.
        files: Its files, by name.
        face_ids: Those to take out; others may be among them.
        retried: Of a part of a retry, face id -> reason that it was rejected for before.

    Returns:
        The new entry, and the files that have changed. Keys of views and the order of rows stay.
    """
    names = part_files(entry.part, views=any(name.startswith("views/") for name in entry.files))
    poses, rejects = read_parquet(files[names["poses"]]), read_parquet(files[names["rejects"]])
    gone = pa.array(sorted(face_ids), pa.string())
    posed, rejected = (pc.is_in(table["face_id"].cast(pa.string()), gone) for table in (poses, rejects))
    n_posed, n_rejected = (pc.sum(found).as_py() or 0 for found in (posed, rejected))
    changed = {}
    if n_posed:
        changed[names["poses"]] = parquet_file(poses.filter(pc.invert(posed)).combine_chunks())
        if "views" in names:
            changed[names["views"]] = _without_members(files[names["views"]], face_ids)
    if n_rejected:
        changed[names["rejects"]] = parquet_file(rejects.filter(pc.invert(rejected)).combine_chunks())
    views = sum(len(names or ()) for names in poses.filter(posed)["views"].to_pylist())
    taken = [*poses.filter(posed)["face_id"].to_pylist(), *rejects.filter(rejected)["face_id"].to_pylist()]
    before = Counter(retried[face_id] for face_id in taken if face_id in retried)
    reasons = Counter(rejects.filter(rejected)["reason"].to_pylist())
    written: dict[str, WrittenFile] = {name: written_file(data) for name, data in changed.items()}
    new = replace(
        entry,
        posed=entry.posed - n_posed,
        rejected=entry.rejected - n_rejected,
        views=entry.views - views,
        rejects_by_reason=_less(entry.rejects_by_reason, reasons),
        retried_by_reason=_less(entry.retried_by_reason, before),
        erased=entry.erased + n_posed + n_rejected,
        files={**entry.files, **written},
    )
    return FilteredPart(new, changed)


def _less(counts: Mapping[str, int], taken: Mapping[str, int]) -> dict[str, int]:
    left = {name: count - taken.get(name, 0) for name, count in counts.items()}
    return {name: count for name, count in left.items() if count}


def _without_members(shard: bytes, face_ids: Collection[str]) -> bytes:
    """A shard without the members of some faces; the others byte for byte."""
    kept = []
    with tarfile.open(fileobj=io.BytesIO(shard), mode="r:") as tar:
        for _, members in groupby(tar, key=lambda member: member.name.partition(".")[0]):
            of_face = list(members)
            begin, last = of_face[0].offset, of_face[-1]
            end = last.offset_data + -(-last.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            about = next(member for member in of_face if member.name.endswith(".json"))
            record = json.loads(shard[about.offset_data : about.offset_data + about.size])
            if record["face_id"] not in face_ids:
                kept.append(shard[begin:end])
    data = b"".join(kept) + bytes(2 * tarfile.BLOCKSIZE)
    return data + bytes(-len(data) % tarfile.RECORDSIZE)
