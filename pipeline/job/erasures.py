"""What was erased from the output of a job, in words that name no one: parts, counts and checksums.

An erasure is written down before anything of it is done, with the ledger entries as they will be. So one that
was killed can be finished, and `fpn verify` can tell what was erased from what was lost.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from pipeline.errors import StorageError
from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, entry_bytes, entry_from_fields, entry_name

ERASURES = "_erasures"
_NAME = re.compile(r"(\d{4,})\.json")


@dataclass(frozen=True)
class ErasedPart:
    """What happens to a part."""

    before_sha256: str
    """Of the bytes of its ledger entry before."""
    entry: LedgerEntry
    """Its ledger entry afterwards."""

    @property
    def after_sha256(self) -> str:
        """Of the bytes of its ledger entry afterwards."""
        return hashlib.sha256(entry_bytes(self.entry)).hexdigest()


@dataclass(frozen=True)
class Erasure:
    """One run of `fpn erase`."""

    number: int
    """From 1 on."""
    faces: int
    parts: dict[int, ErasedPart]

    def unfinished(self, out: Folder) -> list[int]:
        """Parts whose ledger entry is not yet the new one. Those that were erased from again later count as
        done."""
        return [
            part
            for part, erased in self.parts.items()
            if hashlib.sha256(out.read(entry_name(part)) or b"").hexdigest() == erased.before_sha256
        ]


def erasure_name(number: int) -> str:
    """What the file of an erasure is called."""
    return f"{ERASURES}/{number:04d}.json"


def write_erasure(out: Folder, erasure: Erasure) -> bool:
    """Write an erasure down, unless another process has just written one of its number."""
    parts = {
        str(part): {"before_sha256": erased.before_sha256, "entry": json.loads(entry_bytes(erased.entry))}
        for part, erased in sorted(erasure.parts.items())
    }
    record = {"erasure": erasure.number, "faces": erasure.faces, "parts": parts}
    return out.create(erasure_name(erasure.number), json.dumps(record, indent=1).encode())


def read_erasures(out: Folder) -> list[Erasure]:
    """All erasures of a job, in their order.

    Raises:
        StorageError: a record that is none of ours.
    """
    return [_read(out, int(match[1])) for name in out.names(ERASURES) if (match := _NAME.fullmatch(name))]


def count_erasures(out: Folder) -> int:
    """Number of erasures."""
    return sum(_NAME.fullmatch(name) is not None for name in out.names(ERASURES))


def _read(out: Folder, number: int) -> Erasure:
    try:
        record: dict[str, Any] = json.loads(out.read(erasure_name(number)) or b"")
        parts = {
            int(part): ErasedPart(str(fields["before_sha256"]), entry_from_fields(fields["entry"]))
            for part, fields in record["parts"].items()
        }
        return Erasure(number, int(record["faces"]), parts)
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{erasure_name(number)} in {out.location!r} is not the record of an erasure ({error})"
        ) from error


def ledger_shas_at(erasures: list[Erasure], count: int) -> dict[int, str]:
    """SHA-256 of the ledger entries as they were after the first `count` erasures, where a later one has
    changed them."""
    shas: dict[int, str] = {}
    for erasure in reversed(erasures[count:]):
        shas |= {part: erased.before_sha256 for part, erased in erasure.parts.items()}
    return shas
