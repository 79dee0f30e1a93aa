"""Proof that an output folder holds what it promises: every file whole, every face once."""

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.config.settings import load_config
from pipeline.errors import PipelineError
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder
from pipeline.job.append import ledger_sha256
from pipeline.job.bound_manifest import NoManifestError, open_bound_manifest
from pipeline.job.erasures import ledger_shas_at, read_erasures
from pipeline.job.exports import stale_exports
from pipeline.job.job_file import stored_job
from pipeline.job.ledger import LedgerEntry, committed_parts, entry_name, part_files, read_entry
from pipeline.job.plan import Plan
from pipeline.job.retry import planned_retries
from pipeline.manifest import Manifest

_VIEW = re.compile(r"\d{6,}-\d{6,}\.-?\d+\.(jpg|png|webp)")


@dataclass
class Verification:
    """What was found in an output folder."""

    parts: int = 0
    expected_parts: int = 0
    faces: int = 0
    posed: int = 0
    rejected: int = 0
    views: int = 0
    erased: int = 0
    """Faces that `fpn erase` has taken out."""
    stale_exports: list[str] = field(default_factory=list)
    """Exports that were made before the last erasure."""
    compared: bool = False
    """Whether the ids were compared with those of the manifest."""
    why_not_compared: str = ""
    problems: list[str] = field(default_factory=list)


def verify(
    out: Folder,
    watch: Callable[[Sequence[int]], Iterable[int]] = lambda parts: parts,
    manifest: str | None = None,
) -> Verification:
    """Re-read every file of a job: sizes, checksums, counts, and that no face is missing or there twice.

    The ids are compared with those of the manifest, where it is still there and the same. Takes 8 bytes of
    memory per face, and as much again for the manifest.

    Args:
        out: Output folder of a job.
        watch: Passes on the numbers of the parts one by one, and so sees the progress.
        manifest: Where the manifest is by now, or with the credentials that it needs.

    Raises:
        StorageError: the folder is not the output of a job.
    """
    job = stored_job(out)
    rows = int(job["inputs"]["manifest"]["rows"])
    plan: Plan = job["plan"]
    expected = {part: count for part, _, count in plan.parts()} | planned_retries(out)
    check = _Check(out, plan, Verification(expected_parts=len(expected)))
    done = committed_parts(out)
    problems = check.found.problems
    problems += [f"part {part} is not committed" for part in sorted(set(expected) - done)]
    problems += [f"part {part} does not belong to the job" for part in sorted(done - set(expected))]
    for part in watch(sorted(done)):
        problems += [f"part {part}: {problem}" for problem in check.part(part, expected.get(part, 0))]
    problems += check.faces(rows)
    problems += _appends(out, job, done)
    problems += _erasures(out)
    check.found.stale_exports = stale_exports(out)
    try:
        opened = open_bound_manifest(job, load_config(base=job["config"]), manifest)
        problems += check.ids(opened)
        check.found.compared = True
    except (NoManifestError, PipelineError) as error:
        check.found.why_not_compared = str(error)
    return check.found


def _appends(out: Folder, job: dict[str, Any], done: set[int]) -> Iterator[str]:
    """Whether the ledger of what was there before each append is what it was."""
    erasures = read_erasures(out)
    for n, append in enumerate(job["appends"], 1):
        old = sorted(part for part in done if part < append["segment"]["first_part"])
        erased = ledger_shas_at(erasures, int(append["erasures"]))
        if ledger_sha256(out, old, erased) != append["ledger_sha256"]:
            yield f"the ledger of the parts before append {n} is not what it was"


def _erasures(out: Folder) -> Iterator[str]:
    """Whether every erasure came to its end, and its parts are what it made of them."""
    last: dict[int, str] = {}
    for erasure in read_erasures(out):
        left = erasure.unfinished(out)
        if left:
            yield (
                f"erasure {erasure.number} is unfinished in {len(left):,} parts; give the same fpn erase "
                "command again"
            )
        last |= {part: erased.after_sha256 for part, erased in erasure.parts.items() if part not in left}
    for part, sha256 in last.items():
        if hashlib.sha256(out.read(entry_name(part)) or b"").hexdigest() != sha256:
            yield f"part {part}: its ledger entry is not what the erasure made of it"


@dataclass
class _Check:
    """The faces that were found, as hashes of their ids."""

    out: Folder
    plan: Plan
    found: Verification
    first: list[np.ndarray] = field(default_factory=list)
    """Faces in the parts of the manifest's plan."""
    rejected: list[np.ndarray] = field(default_factory=list)
    """Those of them that were rejected."""
    again: list[np.ndarray] = field(default_factory=list)
    """Faces in parts that try rejects again."""
    posed: list[np.ndarray] = field(default_factory=list)
    """Posed faces of all parts."""

    def part(self, part: int, expected_rows: int) -> Iterator[str]:
        """What is wrong with a part."""
        entry = read_entry(self.out, part)
        if entry is None:
            yield "its ledger entry is gone"
            return
        self.found.parts += 1
        if entry.fingerprint != self.plan.fingerprint_of(part):
            yield "it was made by a job with another fingerprint"
        if entry.rows != expected_rows or entry.rows != entry.posed + entry.rejected + entry.erased:
            yield (
                f"the ledger counts {entry.rows} faces, {entry.posed} posed and {entry.rejected} rejected, "
                f"{entry.erased} erased; planned were {expected_rows}"
            )
        names = part_files(part, views=part_files(part, views=True)["views"] in entry.files)
        if set(names.values()) != set(entry.files):
            yield f"the ledger names the files {sorted(entry.files)}, expected {sorted(names.values())}"
            return
        contents: dict[str, bytes] = {}
        for kind, name in names.items():
            data = self.out.read(name)
            written = entry.files[name]
            if data is None:
                yield f"{name} is missing"
            elif len(data) != written.size or hashlib.sha256(data).hexdigest() != written.sha256:
                yield f"{name} is not as it was written: {len(data)} bytes for {written.size}, or others"
            else:
                contents[kind] = data
        self.found.erased += 0 if entry.round else entry.erased
        yield from self._counts(entry, contents)

    def _counts(self, entry: LedgerEntry, contents: dict[str, bytes]) -> Iterator[str]:
        for kind, expected in (("poses", entry.posed), ("rejects", entry.rejected)):
            if kind not in contents:
                continue
            ids = _hashes(contents[kind])
            (self.again if entry.round else self.first).append(ids)
            if kind == "poses":
                self.posed.append(ids)
            elif not entry.round:
                self.rejected.append(ids)
            if len(ids) != expected:
                yield f"{kind} has {len(ids)} rows, the ledger counts {expected}"
        if "views" in contents:
            with tarfile.open(fileobj=io.BytesIO(contents["views"])) as tar:
                names = tar.getnames()
            pictures = sum(bool(_VIEW.fullmatch(name)) for name in names)
            faces = sum(name.endswith(".json") for name in names)
            self.found.views += pictures
            if (pictures, faces) != (entry.views, entry.posed):
                yield (
                    f"the shard has {pictures} views of {faces} faces, the ledger counts {entry.views} of "
                    f"{entry.posed}"
                )

    def ids(self, manifest: Manifest) -> Iterator[str]:
        """What of the manifest's faces is not in the results, and the other way round."""
        wanted = _joined([np.array([hash(face_id) for face_id in ids], np.int64) for ids in manifest.ids()])
        first = _joined(self.first)
        missing, strange = np.setdiff1d(wanted, first), np.setdiff1d(first, wanted)
        if len(missing) != self.found.erased:
            of_them = set(missing[:3].tolist())
            shown = [face_id for ids in manifest.ids() for face_id in ids if hash(face_id) in of_them]
            erased = f" and {self.found.erased:,} were erased" if self.found.erased else ""
            yield (
                f"{len(missing):,} faces of the manifest are neither posed nor rejected{erased}, for "
                f"instance {', '.join(map(repr, shown[:3]))}"
            )
        if len(strange):
            yield f"{len(strange):,} faces in the results are not in the manifest"

    def faces(self, rows: int) -> Iterator[str]:
        """What is wrong with the faces as a whole."""
        first, rejected, again, posed = map(_joined, (self.first, self.rejected, self.again, self.posed))
        found = self.found
        found.posed, found.faces = len(posed), len(first)
        found.rejected = len(first) - len(posed)
        if len(first) + found.erased != rows:
            erased = f" + {found.erased} erased" if found.erased else ""
            yield (
                f"the manifest has {rows} faces, the results {found.posed} posed + {found.rejected} rejected"
                f"{erased}"
            )
        if len(np.unique(first)) != len(first) or len(np.unique(posed)) != len(posed):
            yield "some faces are in the results more than once"
        strangers = np.setdiff1d(again, rejected)
        if len(strangers):
            yield f"{len(strangers)} faces were tried again that had not been rejected"


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *arrays])


def _hashes(parquet: bytes) -> np.ndarray:
    ids = read_parquet(parquet, ["face_id"])["face_id"].to_pylist()
    return np.array([hash(face_id) for face_id in ids], dtype=np.int64)
