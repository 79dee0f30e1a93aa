"""Proof that an output folder holds what it promises: every file whole, every face once."""

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faceposenet.photo.locations import is_uri
from pipeline.config.settings import load_config
from pipeline.engine.machine import usable_cpus
from pipeline.errors import PipelineError
from pipeline.io.side_by_side import REMOTE_READERS, side_by_side
from pipeline.io.storage import Folder
from pipeline.job.append import ledger_sha256
from pipeline.job.bound_manifest import NoManifestError, open_bound_manifest
from pipeline.job.check_part import CheckedPart, check_counts, check_files, check_sizes
from pipeline.job.erasures import ledger_shas_at, read_erasures
from pipeline.job.exports import stale_exports
from pipeline.job.job_file import stored_job
from pipeline.job.ledger import committed_parts, entry_name, read_entry
from pipeline.job.plan import Plan
from pipeline.job.retry import planned_retries
from pipeline.job.seen_ids import SeenIds
from pipeline.manifest import Manifest

_FOLDERS = ("poses", "rejects", "views")


@dataclass
class Verification:
    """What was found in an output folder."""

    parts: int = 0
    expected_parts: int = 0
    parts_read: int = 0
    """Parts whose files were read; of the others the sizes were compared."""
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
    sample: float = 1.0,
    joint: SeenIds | None = None,
) -> Verification:
    """Re-read every file of a job: sizes, checksums, counts, and that no face is missing or there twice.

    Parts are read side by side: by the cores of this machine from a disk, 64 at a time from a store. The ids
    are compared with those of the manifest, where it is still there and the same. Beyond four million they
    lie in a temporary folder, 8 bytes each.

    Args:
        out: Output folder of a job.
        watch: Passes on the numbers of the parts one by one, and so sees the progress.
        manifest: Where the manifest is by now, or with the credentials that it needs.
        sample: Share of the parts that are read, the same ones every time. Of the others, and so of all where
            it is 0, the counts and the sizes of files are compared, which takes their ledger entries and a
            listing; ids are then not compared.
        joint: Takes the ids of this output and of others, as its group `first`.

    Raises:
        StorageError: the folder is not the output of a job.
    """
    job = stored_job(out)
    plan: Plan = job["plan"]
    expected = {part: count for part, _, count in plan.parts()} | planned_retries(out)
    done = committed_parts(out)
    found = Verification(expected_parts=len(expected))
    found.problems += [f"part {part} is not committed" for part in sorted(set(expected) - done)]
    found.problems += [f"part {part} does not belong to the job" for part in sorted(done - set(expected))]
    parts = sorted(done)
    chosen = set(parts) if sample >= 1 else set(_sampled(parts, sample))
    sizes = {} if len(chosen) == len(parts) else _sizes(out)

    def check(part: int) -> CheckedPart:
        entry = read_entry(out, part)
        checked = check_counts(part, entry, expected.get(part, 0), plan.fingerprint_of(part))
        return check_files(out, checked) if part in chosen else check_sizes(checked, sizes)

    readers = REMOTE_READERS if is_uri(out.location) else usable_cpus()
    with SeenIds() as seen:
        for _, checked in zip(watch(parts), side_by_side(check, parts, readers), strict=True):
            _add(found, seen, checked, read=checked.part in chosen)
        if sample >= 1:
            found.problems += _faces(found, seen, plan.n_rows)
            found.problems += _compared(found, seen, job, manifest)
            if joint is not None:
                for (first,) in seen.buckets("first"):
                    joint.add("first", first)
        else:
            found.why_not_compared = f"of {len(parts):,} parts {len(chosen):,} were read"
    found.problems += _appends(out, job, done)
    found.problems += _erasures(out)
    found.stale_exports = stale_exports(out)
    return found


def _sampled(parts: list[int], share: float) -> list[int]:
    return random.Random(0).sample(parts, min(len(parts), math.ceil(share * len(parts))))


def _sizes(out: Folder) -> dict[str, int]:
    """Size of every file of results, from one listing of each folder."""
    return {f"{folder}/{name}": size for folder in _FOLDERS for name, size in out.sizes(folder).items()}


def _add(found: Verification, seen: SeenIds, checked: CheckedPart, *, read: bool) -> None:
    """Add what was found of a part."""
    found.problems += [f"part {checked.part}: {problem}" for problem in checked.problems]
    entry = checked.entry
    if entry is None:
        return
    found.parts += 1
    found.parts_read += read
    is_retry = entry.round > 0
    found.erased += 0 if is_retry else entry.erased
    found.views += checked.views if read else entry.views
    if not read:
        # Faces of a retry were counted as rejects before.
        found.faces += 0 if is_retry else entry.posed + entry.rejected
        found.posed += entry.posed
        found.rejected += entry.rejected - (entry.rows - entry.erased if is_retry else 0)
        return
    for kind, ids in checked.ids.items():
        seen.add("again" if is_retry else "first", ids)
        if kind == "poses":
            seen.add("posed", ids)
        elif not is_retry:
            seen.add("rejected", ids)
    posed, rejected = (len(checked.ids.get(kind, ())) for kind in ("poses", "rejects"))
    found.faces += 0 if is_retry else posed + rejected
    found.posed += posed
    found.rejected += rejected - (posed + rejected if is_retry else 0)


def _faces(found: Verification, seen: SeenIds, rows: int) -> Iterator[str]:
    """What is wrong with the faces as a whole."""
    if found.faces + found.erased != rows:
        erased = f" + {found.erased} erased" if found.erased else ""
        yield (
            f"the manifest has {rows} faces, the results {found.posed} posed + {found.rejected} rejected"
            f"{erased}"
        )
    twice, strangers = False, 0
    for first, rejected, again, posed in seen.buckets("first", "rejected", "again", "posed"):
        twice |= len(np.unique(first)) != len(first) or len(np.unique(posed)) != len(posed)
        strangers += len(np.setdiff1d(again, rejected))
    if twice:
        yield "some faces are in the results more than once"
    if strangers:
        yield f"{strangers} faces were tried again that had not been rejected"


def _compared(found: Verification, seen: SeenIds, job: dict[str, Any], location: str | None) -> Iterator[str]:
    """What is wrong with the ids, where the manifest is still there."""
    try:
        manifest = open_bound_manifest(job, load_config(base=job["config"]), location)
        yield from _ids(found, seen, manifest)
        found.compared = True
    except (NoManifestError, PipelineError) as error:
        found.why_not_compared = str(error)


def _ids(found: Verification, seen: SeenIds, manifest: Manifest) -> Iterator[str]:
    """What of the manifest's faces is not in the results, and the other way round."""
    for ids in manifest.ids():
        seen.add("wanted", np.fromiter(map(hash, ids), np.int64, len(ids)))
    n_missing, n_strange, some_missing = 0, 0, set[int]()
    for wanted, first in seen.buckets("wanted", "first"):
        missing, strange = np.setdiff1d(wanted, first), np.setdiff1d(first, wanted)
        n_missing, n_strange = n_missing + len(missing), n_strange + len(strange)
        some_missing |= set(missing[: max(0, 3 - len(some_missing))].tolist())
    if n_missing != found.erased:
        shown = [face_id for ids in manifest.ids() for face_id in ids if hash(face_id) in some_missing]
        erased = f" and {found.erased:,} were erased" if found.erased else ""
        yield (
            f"{n_missing:,} faces of the manifest are neither posed nor rejected{erased}, for instance "
            f"{', '.join(map(repr, shown[:3]))}"
        )
    if n_strange:
        yield f"{n_strange:,} faces in the results are not in the manifest"


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
