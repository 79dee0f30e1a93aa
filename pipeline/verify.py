"""Proof that an output folder holds what it promises: every file whole, every face once."""

import hashlib
import io
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.job import JOB_NAME, read_job_file
from pipeline.ledger import LedgerEntry, committed_parts, part_files, read_entry
from pipeline.storage import Folder


@dataclass
class Verification:
    """What was found in an output folder."""

    parts: int = 0
    expected_parts: int = 0
    faces: int = 0
    posed: int = 0
    rejected: int = 0
    views: int = 0
    problems: list[str] = field(default_factory=list)


def verify(out: Folder) -> Verification:
    """Re-read every file of a job: sizes, checksums, counts, and that no face is missing or there twice.

    Takes 8 bytes of memory a face.

    Raises:
        StorageError: the folder is no output of a job.
    """
    job = read_job_file(out)
    if job is None:
        raise StorageError(f"{out.location!r} is no output of fpn run: it has no {JOB_NAME}")
    rows = int(job["inputs"]["manifest"]["rows"])
    size = int(job["inputs"]["settings"]["output"]["faces_per_part"])
    found = Verification(expected_parts=math.ceil(rows / size))
    done = committed_parts(out)
    found.problems += [
        f"part {part} is not committed" for part in sorted(set(range(found.expected_parts)) - done)
    ]
    found.problems += [
        f"part {part} does not belong to the job" for part in sorted(done - set(range(found.expected_parts)))
    ]
    hashes: list[np.ndarray] = []
    for part in sorted(done):
        expected_rows = min(size, rows - part * size)
        for problem in _part_problems(out, part, job["fingerprint"], expected_rows, found, hashes):
            found.problems.append(f"part {part}: {problem}")
    _check_faces(found, rows, hashes)
    return found


def _part_problems(
    out: Folder,
    part: int,
    fingerprint: str,
    expected_rows: int,
    found: Verification,
    hashes: list[np.ndarray],
) -> Iterator[str]:
    entry = read_entry(out, part)
    if entry is None:
        yield "its ledger entry is gone"
        return
    found.parts += 1
    if entry.fingerprint != fingerprint:
        yield "it was made by a job with another fingerprint"
    if entry.rows != expected_rows:
        yield f"the ledger counts {entry.rows} faces, its slice of the manifest has {expected_rows}"
    names = part_files(part, views=part_files(part, views=True)["views"] in entry.files)
    if set(names.values()) != set(entry.files):
        yield f"the ledger names the files {sorted(entry.files)}, expected {sorted(names.values())}"
        return
    contents: dict[str, bytes] = {}
    for kind, name in names.items():
        data = out.read(name)
        written = entry.files[name]
        if data is None:
            yield f"{name} is missing"
        elif len(data) != written.size or hashlib.sha256(data).hexdigest() != written.sha256:
            yield f"{name} is not as it was written: {len(data)} bytes for {written.size}, or other content"
        else:
            contents[kind] = data
    yield from _count_problems(entry, contents, found, hashes)


def _count_problems(
    entry: LedgerEntry, contents: dict[str, bytes], found: Verification, hashes: list[np.ndarray]
) -> Iterator[str]:
    for kind, expected in (("poses", entry.posed), ("rejects", entry.rejected)):
        if kind not in contents:
            continue
        ids = pq.read_table(io.BytesIO(contents[kind]), columns=["face_id"])["face_id"]
        hashes.append(_hash(ids))
        found.faces += len(ids)
        if kind == "poses":
            found.posed += len(ids)
        else:
            found.rejected += len(ids)
        if len(ids) != expected:
            yield f"{kind} has {len(ids)} rows, the ledger counts {expected}"
    if "views" in contents:
        with tarfile.open(fileobj=io.BytesIO(contents["views"])) as tar:
            names = tar.getnames()
        pictures = sum(not name.endswith(".json") for name in names)
        found.views += pictures
        if pictures != entry.views or len(names) - pictures != entry.posed:
            yield (
                f"the shard has {pictures} views of {len(names) - pictures} faces, the ledger counts "
                f"{entry.views} of {entry.posed}"
            )


def _check_faces(found: Verification, rows: int, hashes: list[np.ndarray]) -> None:
    if found.faces != rows:
        found.problems.append(
            f"the manifest has {rows} faces, the results {found.posed} posed + {found.rejected} rejected"
        )
    every = np.concatenate(hashes) if hashes else np.zeros(0, np.int64)
    repeated = len(every) - len(np.unique(every))
    if repeated:
        found.problems.append(f"{repeated} faces are in the results more than once")


def _hash(ids: pa.ChunkedArray) -> np.ndarray:
    values: list[Any] = ids.to_pylist()
    return np.array([hash(value) for value in values], dtype=np.int64)
