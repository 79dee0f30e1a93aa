"""Trying rejected faces again: new parts with new numbers; nothing that was written is touched.

A round is planned once and written down, so that a retry that was stopped continues as it began. A face
that is rejected again stands in the rejects of both its parts; the later one counts.
"""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import JobIncompleteError, StorageError
from pipeline.io.parquet import read_parquet
from pipeline.io.side_by_side import readers_of, side_by_side
from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry, committed_parts, part_files, read_entries
from pipeline.manifest import Slice
from pipeline.stages.part import Again, Part


@dataclass(frozen=True)
class StandingReject:
    """The last word on a rejected face."""

    row: int
    reason: str
    attempts: int


def standing_rejects(out: Folder) -> list[StandingReject]:
    """The faces of a job that are rejected as things stand, in the order of the manifest.

    Every ledger entry, every plan of a round and every file with rejects is read once, many at a time.

    Raises:
        StorageError: a rejects file that is missing.
    """
    entries = read_entries(out, sorted(committed_parts(out)))
    retried = retried_rows(out)
    standing: dict[int, StandingReject] = {}
    rejects = side_by_side(lambda entry: (entry.part, _rejects_of(out, entry)), entries, readers_of(out))
    for part, found in rejects:
        for row in retried.get(part, ()):
            standing.pop(row, None)
        standing |= {reject.row: reject for reject in found}
    return [standing[row] for row in sorted(standing)]


def _rejects_of(out: Folder, entry: LedgerEntry) -> list[StandingReject]:
    if not entry.rejected:
        return []
    data = out.read(part_files(entry.part, views=False)["rejects"])
    if data is None:
        raise StorageError(
            f"the rejects of part {entry.part} are missing in {out.location!r}; fpn verify shows what else is"
        )
    table = read_parquet(data, ["row", "reason", "attempts"])
    return [StandingReject(**record) for record in table.to_pylist()]


def plan_round(
    out: Folder, slices: Sequence[Slice], faces_per_part: int, reasons: Sequence[str]
) -> tuple[list[Part], bool]:
    """The parts of the round that is unfinished, or of a new one over the standing rejects with these
    reasons.

    `slices` are those of the manifest's own parts, in the order of its rows. Also says whether the round
    had begun before.

    Raises:
        JobIncompleteError: the unfinished round has other reasons, or another process begins one just now.
    """
    rounds = sorted(_round_numbers(out))
    done = committed_parts(out)
    if rounds:
        parts = _read_round(out, rounds[-1], slices)
        if any(part.number not in done for part in parts):
            _check_reasons(_load_round(out, rounds[-1])["reasons"], reasons)
            return parts, True
    chosen = [reject for reject in standing_rejects(out) if not reasons or reject.reason in reasons]
    if not chosen:
        return [], False
    number = (rounds[-1] if rounds else 0) + 1
    groups = [chosen[at : at + faces_per_part] for at in range(0, len(chosen), faces_per_part)]
    record = {
        "round": number,
        "reasons": list(reasons),
        "first_part": max(done, default=-1) + 1,
        "parts": [[[r.row, r.attempts, r.reason] for r in group] for group in groups],
    }
    if not out.create(_round_name(number), json.dumps(record).encode()):
        raise JobIncompleteError(
            f"another fpn retry of {out.location!r} has just begun; wait for its end, or give the same "
            "command again to work on the same faces"
        )
    return _read_round(out, number, slices), False


def _check_reasons(begun: Sequence[str], reasons: Sequence[str]) -> None:
    """See that a retry does not take up one with other reasons."""
    if reasons and sorted(set(reasons)) != sorted(set(begun)):
        raise JobIncompleteError(
            f"a retry of {_in_words(begun)} is unfinished, you asked for {_in_words(reasons)}; bring it to "
            "its end first: fpn retry without --reason continues it"
        )


def _in_words(reasons: Sequence[str]) -> str:
    return f"the faces rejected as {', '.join(sorted(set(reasons)))}" if reasons else "all rejected faces"


def _round_name(number: int) -> str:
    return f"_ledger/round-{number:04d}.json"


def _round_numbers(out: Folder) -> list[int]:
    names = [name for name in out.names("_ledger") if name.startswith("round-") and name.endswith(".json")]
    return [int(name[6:-5]) for name in names]


def _load_round(out: Folder, number: int) -> dict:  # type: ignore[type-arg]  # as written by plan_round
    data = out.read(_round_name(number))
    try:
        record: dict = json.loads(data or b"")  # type: ignore[type-arg]
    except ValueError as error:
        raise StorageError(
            f"{_round_name(number)} in {out.location!r} is not a plan of a retry: {error}; delete it if no "
            "part of it is committed"
        ) from error
    return record


def _read_round(out: Folder, number: int, slices: Sequence[Slice]) -> list[Part]:
    record = _load_round(out, number)
    starts = [piece.start for piece in slices]
    parts = []
    for n, faces in enumerate(record["parts"]):
        touched = sorted({bisect_right(starts, row) - 1 for row, _, _ in faces})
        again = Again(
            number,
            {row: attempts for row, attempts, _ in faces},
            dict(sorted(Counter(reason for _, _, reason in faces).items())),
        )
        parts.append(Part(record["first_part"] + n, tuple(slices[i] for i in touched), again))
    return parts


def retried_rows(out: Folder) -> dict[int, list[int]]:
    """Number of each part of every round -> the rows of the manifest that it tries again."""
    planned: dict[int, list[int]] = {}
    for number in _round_numbers(out):
        record = _load_round(out, number)
        planned |= {
            record["first_part"] + n: [row for row, _, _ in faces] for n, faces in enumerate(record["parts"])
        }
    return planned


def retried_reasons(out: Folder) -> dict[int, dict[int, str]]:
    """Number of each part of every round -> row that it tries again -> why it had been rejected."""
    planned: dict[int, dict[int, str]] = {}
    for number in _round_numbers(out):
        record = _load_round(out, number)
        for n, faces in enumerate(record["parts"]):
            planned[record["first_part"] + n] = {row: reason for row, _, reason in faces}
    return planned


def planned_retries(out: Folder) -> dict[int, int]:
    """Number of each part of every round -> its number of faces."""
    return {part: len(rows) for part, rows in retried_rows(out).items()}
