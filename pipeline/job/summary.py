"""How a job stands and how a run of it ended: the counts, and `summary.json`."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, committed_parts, read_entries

SUMMARY_NAME = "summary.json"


@dataclass(frozen=True)
class Totals:
    """Counts over ledger entries: faces = posed + rejected + erased."""

    parts: int = 0
    faces: int = 0
    posed: int = 0
    rejected: int = 0
    views: int = 0
    rejects_by_reason: tuple[tuple[str, int], ...] = ()
    erased: int = 0
    """Faces that `fpn erase` has taken out."""

    def plus(self, entry: LedgerEntry) -> "Totals":
        """The counts with one more part."""
        reasons = Counter(dict(self.rejects_by_reason)) + Counter(entry.rejects_by_reason)
        # Faces that are tried again were counted as rejects before, and those erased are erased there too.
        reasons -= Counter(entry.retried_by_reason)
        is_retry = entry.round > 0
        return Totals(
            self.parts + 1,
            self.faces + (0 if is_retry else entry.rows),
            self.posed + entry.posed,
            self.rejected + entry.rejected - (entry.rows - entry.erased if is_retry else 0),
            self.views + entry.views,
            tuple(sorted(reasons.items())),
            self.erased + (0 if is_retry else entry.erased),
        )


def totals_of(entries: Iterable[LedgerEntry]) -> Totals:
    """The counts over ledger entries, of which one is held at a time."""
    totals = Totals()
    for entry in entries:
        totals = totals.plus(entry)
    return totals


def totals_in(out: Folder) -> Totals:
    """The counts over all committed parts of a folder."""
    return totals_of(read_entries(out, sorted(committed_parts(out))))


@dataclass(frozen=True)
class Summary:
    """How a run of a job ended."""

    totals: Totals
    faces_this_run: int
    elapsed_s: float
    provider: str
    provider_reason: str
    fingerprint: str
    unfinished_parts: int = 0
    """Parts that other shards of the job have yet to do."""


def summary_record(summary: Summary) -> dict[str, Any]:
    """The summary as one JSON object."""
    record = asdict(summary) | totals_record(summary.totals)
    del record["totals"]
    return record


def totals_record(totals: Totals) -> dict[str, Any]:
    """The counts as one JSON object."""
    return asdict(totals) | {"rejects_by_reason": dict(totals.rejects_by_reason)}


def refresh_summary(out: Folder) -> None:
    """Bring the counts in `summary.json` up to date, where there is one."""
    try:
        record = json.loads(out.read(SUMMARY_NAME) or b"")
    except ValueError:
        return
    record |= totals_record(totals_in(out))
    out.write(SUMMARY_NAME, json.dumps(record, indent=1, sort_keys=True).encode())


def describe_rejects(totals: Totals) -> str:
    """The rejects by reason, the most frequent first."""
    ordered = sorted(totals.rejects_by_reason, key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered) or "none"
