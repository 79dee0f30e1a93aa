"""One part of a job held to its ledger entry: every file read once, in pieces."""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from faceposenet.photo.locations import is_uri
from pipeline.io.backoff import patiently
from pipeline.io.parquet import read_parquet
from pipeline.io.shards import header_names
from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, WrittenFile, part_files

# From a disk pieces stay in the processor's cache between hash and headers; from a store each is a request.
_LOCAL_PIECE_BYTES, _REMOTE_PIECE_BYTES = 2**20, 2**22
_VIEW = re.compile(r"\d{6,}-\d{6,}\.-?\d+\.(jpg|png|webp)")
_NAME_BYTES = 100


@dataclass
class CheckedPart:
    """What was found of a part."""

    part: int
    entry: LedgerEntry | None
    problems: list[str] = field(default_factory=list)
    views: int = 0
    ids: dict[str, np.ndarray] = field(default_factory=dict)
    """Hashes of the face ids in "poses" and "rejects": int64 (n,)."""


def check_counts(part: int, entry: LedgerEntry | None, expected_rows: int, fingerprint: str) -> CheckedPart:
    """Hold a ledger entry to the plan, without a look at the files."""
    found = CheckedPart(part, entry)
    if entry is None:
        found.problems.append("its ledger entry is gone")
        return found
    if entry.fingerprint != fingerprint:
        found.problems.append("it was made by a job with another fingerprint")
    if entry.rows != expected_rows or entry.rows != entry.posed + entry.rejected + entry.erased:
        found.problems.append(
            f"the ledger counts {entry.rows} faces, {entry.posed} posed and {entry.rejected} rejected, "
            f"{entry.erased} erased; planned were {expected_rows}"
        )
    if set(_names(entry).values()) != set(entry.files):
        found.problems.append(
            f"the ledger names the files {sorted(entry.files)}, expected {sorted(_names(entry).values())}"
        )
    return found


def check_files(out: Folder, found: CheckedPart) -> CheckedPart:
    """Read the files of a part: sums, ids, and the number of views."""
    entry = found.entry
    if entry is None or set(_names(entry).values()) != set(entry.files):
        return found
    for kind, name in _names(entry).items():
        if kind == "views":
            found.problems += _check_shard(out, name, entry, found)
        else:
            found.problems += _check_table(out, kind, name, entry, found)
    return found


def check_sizes(found: CheckedPart, sizes: dict[str, int]) -> CheckedPart:
    """Hold the files of a part to its ledger entry by their sizes alone, which a listing gives."""
    for name, written in sorted(found.entry.files.items()) if found.entry else ():
        if name not in sizes:
            found.problems.append(f"{name} is missing")
        elif sizes[name] != written.size:
            found.problems.append(f"{name} has {sizes[name]} bytes, {written.size} were written")
    return found


def _names(entry: LedgerEntry) -> dict[str, str]:
    return part_files(entry.part, views=part_files(entry.part, views=True)["views"] in entry.files)


def _check_table(out: Folder, kind: str, name: str, entry: LedgerEntry, found: CheckedPart) -> Iterator[str]:
    data, written = out.read(name), entry.files[name]
    if data is None:
        yield f"{name} is missing"
        return
    if problem := _differs(name, len(data), hashlib.sha256(data).hexdigest(), written):
        yield problem
        return
    ids = read_parquet(data, ["face_id"])["face_id"].to_pylist()
    found.ids[kind] = np.fromiter(map(hash, ids), np.int64, len(ids))
    expected = entry.posed if kind == "poses" else entry.rejected
    if len(ids) != expected:
        yield f"{kind} has {len(ids)} rows, the ledger counts {expected}"


def _check_shard(out: Folder, name: str, entry: LedgerEntry, found: CheckedPart) -> Iterator[str]:
    try:
        size, sha256, views, faces = patiently(lambda: _read_shard(out, name))
    except FileNotFoundError:
        yield f"{name} is missing"
        return
    if problem := _differs(name, size, sha256, entry.files[name]):
        yield problem
        return
    if (views, faces) != (entry.views, entry.posed):
        views, faces = _count_members(out.read(name) or b"")
    found.views = views
    if (views, faces) != (entry.views, entry.posed):
        yield (
            f"the shard has {views} views of {faces} faces, the ledger counts {entry.views} of {entry.posed}"
        )


def _differs(name: str, size: int, sha256: str, written: WrittenFile) -> str:
    if (size, sha256) == (written.size, written.sha256):
        return ""
    return f"{name} is not as it was written: {size} bytes for {written.size}, or others"


def _read_shard(out: Folder, name: str) -> tuple[int, str, int, int]:
    """Size, SHA-256, and numbers of views and faces of a shard.

    Headers are counted by their mark. Whoever finds other numbers than expected uses `_count_members`.
    """
    digest, size, names = hashlib.sha256(), 0, []
    buffer = memoryview(bytearray(_REMOTE_PIECE_BYTES if is_uri(out.location) else _LOCAL_PIECE_BYTES))
    with out.open(name) as file:
        while length := file.readinto(buffer):
            piece = buffer[:length]
            digest.update(piece)
            size += length
            names.append(header_names(piece))
    joined = b"".join(names)
    faces = joined.count(b".json\0")
    others = joined.count(b".aligned.")
    return size, digest.hexdigest(), len(joined) // _NAME_BYTES - faces - others, faces


def _count_members(shard: bytes) -> tuple[int, int]:
    """Views and faces of a shard."""
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        names = tar.getnames()
    return sum(bool(_VIEW.fullmatch(name)) for name in names), sum(name.endswith(".json") for name in names)
