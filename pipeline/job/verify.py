"""Proof that an output folder holds what it promises: every file whole, every face once."""

import hashlib
import io
import math
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.config.settings import load_config
from pipeline.errors import PipelineError
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder
from pipeline.job.bound_manifest import NoManifestError, open_bound_manifest
from pipeline.job.fingerprint import stored_job
from pipeline.job.ledger import LedgerEntry, committed_parts, part_files, read_entry
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
    size = int(job["inputs"]["settings"]["output"]["faces_per_part"])
    expected = {part: min(size, rows - part * size) for part in range(math.ceil(rows / size))}
    expected |= planned_retries(out)
    check = _Check(out, job["fingerprint"], Verification(expected_parts=len(expected)))
    done = committed_parts(out)
    problems = check.found.problems
    problems += [f"part {part} is not committed" for part in sorted(set(expected) - done)]
    problems += [f"part {part} does not belong to the job" for part in sorted(done - set(expected))]
    for part in watch(sorted(done)):
        problems += [f"part {part}: {problem}" for problem in check.part(part, expected.get(part, 0))]
    problems += check.faces(rows)
    try:
        opened = open_bound_manifest(job, load_config(base=job["config"]), manifest)
        problems += check.ids(opened)
        check.found.compared = True
    except (NoManifestError, PipelineError) as error:
        check.found.why_not_compared = str(error)
    return check.found


@dataclass
class _Check:
    """The faces that were found, as hashes of their ids."""

    out: Folder
    fingerprint: str
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
        if entry.fingerprint != self.fingerprint:
            yield "it was made by a job with another fingerprint"
        if entry.rows != expected_rows or entry.rows != entry.posed + entry.rejected:
            yield (
                f"the ledger counts {entry.rows} faces, {entry.posed} posed and {entry.rejected} rejected; "
                f"planned were {expected_rows}"
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
        if len(missing):
            of_them = set(missing[:3].tolist())
            shown = [face_id for ids in manifest.ids() for face_id in ids if hash(face_id) in of_them]
            yield (
                f"{len(missing):,} faces of the manifest are neither posed nor rejected, for instance "
                f"{', '.join(map(repr, shown[:3]))}"
            )
        if len(strange):
            yield f"{len(strange):,} faces in the results are not in the manifest"

    def faces(self, rows: int) -> Iterator[str]:
        """What is wrong with the faces as a whole."""
        first, rejected, again, posed = map(_joined, (self.first, self.rejected, self.again, self.posed))
        found = self.found
        found.posed, found.faces = len(posed), len(first)
        found.rejected = len(first) - len(posed)
        if len(first) != rows:
            yield (
                f"the manifest has {rows} faces, the results {found.posed} posed + {found.rejected} rejected"
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
