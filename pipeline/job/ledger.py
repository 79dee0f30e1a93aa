"""The ledger: a part exists once its entry is written, after its files and never before.

A part without an entry is redone, one with an entry never is. Every part's files depend on the job alone, so
a part done twice has the same bytes, and no file ever has to be renamed or taken back, also on object stores.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.errors import StorageError
from pipeline.io.side_by_side import readers_of, side_by_side
from pipeline.io.storage import Folder

_ENTRY_NAME = re.compile(r"part-(\d{6,})\.json")


@dataclass(frozen=True)
class WrittenFile:
    """A file of a part as it was written."""

    size: int
    sha256: str


@dataclass(frozen=True)
class LedgerEntry:
    """The commit of one part."""

    part: int
    fingerprint: str
    rows: int
    posed: int
    rejected: int
    views: int
    rejects_by_reason: dict[str, int]
    round: int = 0
    """0 for a part of the manifest's plan; 1 and more for a part that tries rejected faces again."""
    retried_by_reason: dict[str, int] = field(default_factory=dict)
    """Why the faces of such a part had been rejected before, with their number."""
    files: dict[str, WrittenFile] = field(default_factory=dict)
    erased: int = 0
    """Faces that were taken out of the part since, so that rows = posed + rejected + erased."""


def read_entries(out: Folder, parts: Iterable[int]) -> Iterator[LedgerEntry]:
    """The entries of many parts in their order, read side by side: a store answers each in its own time.

    Only a few are held at a time, for a job may have a hundred thousand of them. Parts without one are left
    out.
    """
    entries = side_by_side(lambda part: read_entry(out, part), parts, readers_of(out))
    return (entry for entry in entries if entry is not None)


def entry_from_fields(fields: dict[str, Any]) -> LedgerEntry:
    """A ledger entry from its JSON."""
    files = {name: WrittenFile(**file) for name, file in fields["files"].items()}
    return LedgerEntry(**{**fields, "files": files})


def entry_name(part: int) -> str:
    return f"_ledger/part-{part:06d}.json"


def part_files(part: int, *, views: bool) -> dict[str, str]:
    """What a part's files are called, by what they hold."""
    names = {"poses": f"poses/part-{part:06d}.parquet", "rejects": f"rejects/part-{part:06d}.parquet"}
    if views:
        names["views"] = f"views/part-{part:06d}.tar"
    return names


def commit(out: Folder, entry: LedgerEntry, files: dict[str, bytes]) -> LedgerEntry:
    """Write a part's files, then its entry, and give the entry as written."""
    written = {}
    for name, data in files.items():
        out.write(name, data)
        written[name] = written_file(data)
    final = LedgerEntry(**{**vars(entry), "files": written})
    out.write(entry_name(entry.part), entry_bytes(final))
    return final


def written_file(data: bytes) -> WrittenFile:
    """Size and checksum of a file."""
    return WrittenFile(len(data), hashlib.sha256(data).hexdigest())


def entry_bytes(entry: LedgerEntry) -> bytes:
    """A ledger entry as it is written. Parts that nobody was erased from say nothing of it."""
    fields = asdict(entry)
    if not entry.erased:
        del fields["erased"]
    return json.dumps(fields, indent=1, sort_keys=True).encode()


def committed_parts(out: Folder) -> set[int]:
    """Numbers of the parts that are done, from one listing of the ledger."""
    return {int(match[1]) for name in out.names("_ledger") if (match := _ENTRY_NAME.fullmatch(name))}


def read_entry(out: Folder, part: int) -> LedgerEntry | None:
    """The entry of a part, or None where it has none.

    Raises:
        StorageError: an entry that is none of ours, or torn.
    """
    data = out.read(entry_name(part))
    if data is None:
        return None
    return entry_from_bytes(data, out, part)


def entry_from_bytes(data: bytes, out: Folder, part: int) -> LedgerEntry:
    """A ledger entry from what was written.

    Raises:
        StorageError: it is none of ours, or torn.
    """
    try:
        return entry_from_fields(json.loads(data))
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{entry_name(part)} in {out.location!r} is not a ledger entry ({error}); delete it to have part "
            f"{part} redone"
        ) from error
