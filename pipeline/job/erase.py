"""Taking people out of the output of a job: their poses, views and rejects, and nothing else."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipeline.config.settings import load_config
from pipeline.errors import ConfigError, JobIncompleteError, StorageError
from pipeline.io.parquet import read_parquet
from pipeline.io.side_by_side import readers_of, side_by_side
from pipeline.io.storage import Folder, without_credentials
from pipeline.io.tables import python_values
from pipeline.job.bound_manifest import NoManifestError, open_bound_manifest
from pipeline.job.erasures import ErasedPart, Erasure, read_erasures, write_erasure
from pipeline.job.exports import stale_exports
from pipeline.job.job_file import stored_job
from pipeline.job.ledger import (
    LedgerEntry,
    committed_parts,
    entry_bytes,
    entry_from_bytes,
    entry_name,
    part_files,
)
from pipeline.job.retry import planned_retries, retried_reasons
from pipeline.job.summary import refresh_summary
from pipeline.job.without_faces import without_faces

REPORT_NAME = "report.html"
SUBJECT_COLUMN = "subject_id"


@dataclass(frozen=True)
class Chosen:
    """Who is erased: subjects, or faces by their ids."""

    subjects: frozenset[str] = frozenset()
    face_ids: frozenset[str] = frozenset()
    by: str = SUBJECT_COLUMN
    """The carried column that holds the subjects."""


@dataclass(frozen=True)
class Erased:
    """What was erased."""

    faces: int
    parts: int
    continued: bool
    """Whether an erasure that had been stopped was brought to its end."""
    stale_exports: tuple[str, ...]
    """Exports that were made before, and may still hold these faces."""
    report_removed: bool
    """Whether there was a report, which shows photos of faces."""


def erase(
    out: Folder,
    chosen: Chosen,
    manifest: str | None = None,
    *,
    dry_run: bool = False,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> Erased:
    """Erase faces from the output of a finished job, under its ledger.

    The parts that hold them are written again without them; other rows, views and parts stay as they are. The
    same call brings an erasure to its end that was stopped.

    Args:
        out: The output folder.
        chosen: Who is erased.
        manifest: Where the manifest is by now, to know whose the rejected faces were.
        dry_run: Only look.
        watch: Called with the number of parts that were looked through, and of all.

    Raises:
        ConfigError: somebody who is not there, or a column that the job does not have. Nothing was touched.
        JobIncompleteError: the job, a retry or another erasure is unfinished.
        StorageError: a file is not as it was written.
    """
    job = stored_job(out)
    _check_finished(out, job)
    if chosen.subjects and chosen.by not in job["inputs"]["manifest"]["carried"]:
        carried = ", ".join(job["inputs"]["manifest"]["carried"]) or "none"
        raise ConfigError(f"the job has no column {chosen.by!r}; carried are {carried}; name one with --by")
    erasures = read_erasures(out)
    begun = next((erasure for erasure in erasures if erasure.unfinished(out)), None)
    if begun is not None and not dry_run:
        _finish_written(out, begun)
    search = _Search(out, job, chosen, manifest, watch)
    face_ids = search.face_ids()
    if begun is not None and begun.unfinished(out):
        return _continue(out, begun, face_ids, search, dry_run=dry_run)
    if begun is not None and not face_ids:
        return _end(out, begun, continued=True)
    search.check_all_there(face_ids)
    parts = search.parts_of(face_ids)
    erasure = _plan(out, len(erasures) + 1, face_ids, parts, search.reasons)
    if dry_run:
        return Erased(erasure.faces, len(parts), False, (), False)
    if not write_erasure(out, erasure):
        raise JobIncompleteError(
            f"another erasure in {without_credentials(out.location)!r} has just begun; wait for its end"
        )
    for part in parts:
        _rewrite(out, part, erasure.parts[part], face_ids, search.reasons)
    return _end(out, erasure, continued=False)


def _check_finished(out: Folder, job: dict[str, Any]) -> None:
    planned = {number for number, _, _ in job["plan"].parts()} | planned_retries(out).keys()
    if missing := len(planned - committed_parts(out)):
        raise JobIncompleteError(
            f"the job in {without_credentials(out.location)!r} is unfinished: {missing:,} parts are missing; "
            "bring it to its end first, for what is still to be done would bring faces back"
        )


@dataclass
class _Search:
    """Looks for the chosen in all parts."""

    out: Folder
    job: dict[str, Any]
    chosen: Chosen
    manifest: str | None
    watch: Callable[[int, int], None]
    seen: set[str] = field(default_factory=set)
    """Subjects and face ids that were found."""
    reasons: dict[int, dict[str, str]] = field(default_factory=dict)
    """Part of a retry -> face id of one that is erased -> why it had been rejected before."""
    _holding: dict[str, list[int]] = field(default_factory=dict)
    """Face id -> parts that hold it."""

    def face_ids(self) -> frozenset[str]:
        """Ids of all faces that are to be erased."""
        parts = sorted(committed_parts(self.out))
        found = set(self.chosen.face_ids)
        rejects: list[tuple[int, list[dict[str, Any]]]] = []
        tables = side_by_side(self._tables, parts, readers_of(self.out))
        for n, (part, poses, rejected) in enumerate(tables, 1):
            if self.chosen.subjects:
                for face_id, subject in zip(*poses, strict=True):
                    if subject is not None and str(subject) in self.chosen.subjects:
                        found.add(face_id)
                        self.seen.add(str(subject))
            self._note(part, poses[0], found)
            if rejected:
                rejects.append((part, rejected))
            self.watch(n, len(parts))
        if self.chosen.subjects and rejects:
            found |= self._rejected_of_subjects(rejects)
        for part, rows in rejects:
            self._note(part, [row["face_id"] for row in rows], found)
        self._note_reasons(rejects, found)
        return frozenset(face_id for face_id in found if face_id in self._holding)

    def parts_of(self, face_ids: frozenset[str]) -> list[int]:
        """The parts that hold these faces."""
        return sorted({part for face_id in face_ids for part in self._holding[face_id]})

    def check_all_there(self, face_ids: frozenset[str]) -> None:
        """Raises ConfigError where somebody who was named is not there."""
        unknown = sorted((self.chosen.face_ids - face_ids) | (self.chosen.subjects - self.seen))
        if unknown:
            names = ", ".join(map(repr, unknown[:3])) + (" and others" if len(unknown) > 3 else "")
            raise ConfigError(
                f"{without_credentials(self.out.location)!r} has nobody called {names}; nothing was erased"
            )

    def _tables(self, part: int) -> tuple[int, tuple[list[str], list[object]], list[dict[str, Any]]]:
        names = part_files(part, views=False)
        by = [self.chosen.by] if self.chosen.subjects else []
        poses = read_parquet(_read(self.out, names["poses"]), ["face_id", *by])
        rejects = read_parquet(_read(self.out, names["rejects"]), ["face_id", "row", "reason"])
        subjects = _values(poses[self.chosen.by]) if by else []
        return part, (poses["face_id"].to_pylist(), subjects), rejects.to_pylist()

    def _note(self, part: int, ids: list[str], found: set[str]) -> None:
        for face_id in ids:
            if face_id in found:
                self._holding.setdefault(face_id, []).append(part)

    def _rejected_of_subjects(self, rejects: list[tuple[int, list[dict[str, Any]]]]) -> set[str]:
        """Ids of rejected faces whose subject is chosen, by the manifest: rejects carry no columns."""
        config = load_config(base=self.job["config"])
        try:
            manifest = open_bound_manifest(self.job, config, self.manifest)
        except NoManifestError as error:
            raise StorageError(
                f"{error}; it is needed to know whose the rejected faces are: name it with --manifest, or "
                "erase by face ids. Nothing was erased"
            ) from error
        plan = self.job["plan"]
        slices, found = manifest.cut(plan.starts()), set()
        for part, rows in rejects:
            index = plan.index_of_part(part)
            if index is None:  # a retry, whose faces are in an earlier part's rejects too
                continue
            read = manifest.read(slices[index])
            subjects = _values(read.carried[self.chosen.by])
            for row in rows:
                subject = subjects[row["row"] - slices[index].start]
                if subject is not None and str(subject) in self.chosen.subjects:
                    found.add(row["face_id"])
                    self.seen.add(str(subject))
        return found

    def _note_reasons(self, rejects: list[tuple[int, list[dict[str, Any]]]], found: set[str]) -> None:
        ids = {row["row"]: row["face_id"] for _, rows in rejects for row in rows if row["face_id"] in found}
        for part, reasons in retried_reasons(self.out).items():
            of_part = {ids[row]: reason for row, reason in reasons.items() if row in ids}
            if of_part:
                self.reasons[part] = of_part


def _values(column: pa.ChunkedArray) -> list[object]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return python_values(column)


def _plan(
    out: Folder,
    number: int,
    face_ids: frozenset[str],
    parts: list[int],
    reasons: Mapping[int, Mapping[str, str]],
) -> Erasure:
    planned: dict[int, ErasedPart] = {}
    for part in parts:
        data = _read(out, entry_name(part))
        entry = entry_from_bytes(data, out, part)
        filtered = without_faces(entry, dict(_checked_files(out, entry)), face_ids, reasons.get(part, {}))
        planned[part] = ErasedPart(hashlib.sha256(data).hexdigest(), filtered.entry)
    return Erasure(number, len(face_ids), planned)


def _checked_files(out: Folder, entry: LedgerEntry) -> Iterator[tuple[str, bytes]]:
    for name, written in entry.files.items():
        data = _read(out, name)
        if hashlib.sha256(data).hexdigest() != written.sha256:
            raise StorageError(f"{name} in {out.location!r} is not as it was written; run fpn verify")
        yield name, data


def _rewrite(
    out: Folder,
    part: int,
    erased: ErasedPart,
    face_ids: frozenset[str],
    reasons: Mapping[int, Mapping[str, str]],
) -> None:
    """Write the files of a part, the poses last, then its entry."""
    entry = entry_from_bytes(_read(out, entry_name(part)), out, part)
    if _all_new(out, erased.entry):
        out.write(entry_name(part), entry_bytes(erased.entry))
        return
    filtered = without_faces(
        entry, dict(_old_or_new(out, entry, erased.entry)), face_ids, reasons.get(part, {})
    )
    for name, data in sorted(filtered.files.items(), key=lambda item: item[0].startswith("poses/")):
        if hashlib.sha256(data).hexdigest() != erased.entry.files[name].sha256:
            raise StorageError(
                f"{name} in {out.location!r} would not become what the erasure planned; were other faces "
                "named before? Give the same subjects or ids again"
            )
        out.write(name, data)
    out.write(entry_name(part), entry_bytes(erased.entry))


def _old_or_new(out: Folder, old: LedgerEntry, new: LedgerEntry) -> Iterator[tuple[str, bytes]]:
    """The files of a part of which some may be the new ones already: of these nothing is left to take out."""
    for name, data in ((name, _read(out, name)) for name in old.files):
        if hashlib.sha256(data).hexdigest() not in (old.files[name].sha256, new.files[name].sha256):
            raise StorageError(f"{name} in {out.location!r} is not as it was written; run fpn verify")
        yield name, data


def _all_new(out: Folder, entry: LedgerEntry) -> bool:
    return all(
        hashlib.sha256(out.read(name) or b"").hexdigest() == written.sha256
        for name, written in entry.files.items()
    )


def _finish_written(out: Folder, begun: Erasure) -> None:
    """Commit the parts of which only the ledger entry was missing."""
    for part in begun.unfinished(out):
        if _all_new(out, begun.parts[part].entry):
            out.write(entry_name(part), entry_bytes(begun.parts[part].entry))


def _continue(
    out: Folder, begun: Erasure, face_ids: frozenset[str], search: _Search, *, dry_run: bool
) -> Erased:
    left = begun.unfinished(out)
    if not set(left) <= set(search.parts_of(face_ids)):
        raise JobIncompleteError(
            f"erasure {begun.number} is unfinished in {len(left):,} parts; give the subjects or ids of that "
            "one again before others"
        )
    if dry_run:
        return Erased(begun.faces, len(left), True, (), False)
    for part in left:
        _rewrite(out, part, begun.parts[part], face_ids, search.reasons)
    return _end(out, begun, continued=True)


def _end(out: Folder, erasure: Erasure, *, continued: bool) -> Erased:
    refresh_summary(out)
    return Erased(
        faces=erasure.faces,
        parts=len(erasure.parts),
        continued=continued,
        stale_exports=tuple(stale_exports(out)),
        report_removed=out.remove(REPORT_NAME),
    )


def _read(out: Folder, name: str) -> bytes:
    data = out.read(name)
    if data is None:
        raise StorageError(f"{name} is missing in {out.location!r}; run fpn verify")
    return data
