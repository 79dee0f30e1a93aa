"""Which views a job has written, and where each lies: from its committed parts, whose checksums must hold."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from faceposenet.photo.byte_ranges import Span
from pipeline.errors import ConfigError, StorageError
from pipeline.export.spill import SpillFolder, chunks
from pipeline.export.where import ALIGNED, Where
from pipeline.io.parquet import read_parquet, read_parquet_schema
from pipeline.io.shards import read_members
from pipeline.io.side_by_side import side_by_side
from pipeline.io.storage import Folder, without_credentials
from pipeline.io.tables import python_values
from pipeline.job.fingerprint import differing
from pipeline.job.job_file import stored_job
from pipeline.job.ledger import LedgerEntry, committed_parts, part_files, read_entries
from pipeline.stages.write import pose_schema

Repeated = Literal["error", "first"]
_READERS = 4
"""Parts that are read side by side; each is in memory as a whole."""


@dataclass(frozen=True)
class Wanted:
    """What of a job is to be exported."""

    views: tuple[str, ...] | None = None
    """Names of views, `aligned` among them; None for all that the job has."""
    by: str | None = None
    """The column that says whose face it is."""
    needs_subject: bool = False
    """Whether faces with nothing in that column are left out."""
    where: str | None = None
    """Which pictures, as an expression (see `Where`)."""


@dataclass(frozen=True)
class ViewIndex:
    """The views that are exported, in the order of the job. Its arrays lie in temporary files: about 26 bytes
    per view and 21 per face."""

    out: Folder
    fingerprint: str
    """Of the job and its committed parts."""
    shards: list[str]
    """Names of the shards in their folders."""
    folders: list[Folder]
    """The output that each shard is of."""
    shard: np.ndarray
    """int32 (n,): which shard a view is in."""
    span: np.ndarray
    """int64 (n, 2): offset and length of its picture there."""
    name: np.ndarray
    """int16 (n,): which of `names` it is."""
    face: np.ndarray
    """int32 (n,): whose view it is, as a place in the arrays below."""
    face_span: np.ndarray
    """int64 (faces, 2): offset and length of the JSON of a face, in the shard of its views."""
    face_subject: np.ndarray
    """int32 (faces,): which of `subjects` it is; -1 for none."""
    face_mirrored: np.ndarray
    """bool (faces,): whether its views show the mirrored face."""
    aligned_mirrored: bool
    """Whether upright crops are mirrored with the views; by default they show the photo as it is."""
    names: tuple[str, ...]
    extension: str
    subjects: tuple[str, ...]
    """Values of the column `by`, sorted: the number of a subject is its label."""
    by: str | None
    carried: pa.Schema
    unfinished: int
    """Faces of the manifest in parts that are not committed."""
    posed: int
    """Faces with a pose."""
    without_views: int
    """Those of them that have none of the views that were asked for."""
    without_subject: int
    """Those that have some, but nothing in the column `by`, where that is needed."""
    not_selected: int
    """Those that have some, but none that the expression selects."""
    face_yaw_deg: np.ndarray
    """float32 (faces,): of the photo."""
    n_repeated: int
    """Faces that were left out since they stand in an earlier output."""
    spill: SpillFolder
    """Where the arrays lie."""
    weight: np.ndarray | None = None
    """float32 (n,): of each picture, where the set is balanced by weights."""

    def __len__(self) -> int:
        return len(self.shard)

    def is_mirrored(self, face: int, view: str) -> bool:
        """Whether a picture of a face shows the mirrored face."""
        return bool(self.face_mirrored[face]) and (view != ALIGNED or self.aligned_mirrored)


def index_views(
    out: Folder, wanted: Wanted, say: Callable[[int, int], None] = lambda n, of: None
) -> ViewIndex:
    """Check the committed parts of a job and find their views; see `join_views`."""
    return join_views([out], wanted, say)


def join_views(
    outs: Sequence[Folder],
    wanted: Wanted,
    say: Callable[[int, int], None] = lambda n, of: None,
    repeated: Repeated = "error",
) -> ViewIndex:
    """Check the committed parts of several jobs and find their views.

    Args:
        outs: Outputs of jobs with the same settings, network, head and carried columns.
        wanted: What is to be found.
        say: Called with the number of parts that are done, and of all.
        repeated: What becomes of a face id that stands in two outputs: an error, or the first one counts.

    Raises:
        StorageError: a folder is not the output of a job, or a file is missing or not as it was written.
        ConfigError: a view or a column that the jobs do not have, jobs without views or that differ, or a
            face id that stands in two of them.
    """
    out = outs[0]
    jobs = [stored_job(each) for each in outs]
    _check_alike(outs, jobs)
    job = jobs[0]
    render = job["inputs"]["settings"]["render"]
    available = [str(yaw_deg) for yaw_deg in render["views_deg"]]
    available += [ALIGNED] if render["aligned_px"] else []
    if not render["enabled"]:
        raise ConfigError(f"{without_credentials(out.location)!r} has poses, but no views to export")
    absent = [name for name in wanted.views or () if name not in available]
    if absent:
        raise ConfigError(f"the job has no view {', '.join(absent)}; it has {', '.join(available)}")
    manifest = job["inputs"]["manifest"]
    carried = manifest["carried"]
    if wanted.by is not None and wanted.by not in carried:
        raise ConfigError(f"the job has no column {wanted.by!r}; carried are {', '.join(carried) or 'none'}")
    parts = [sorted(committed_parts(each)) for each in outs]
    for each, of_it in zip(outs, parts, strict=True):
        if not of_it:
            raise StorageError(
                f"{without_credentials(each.location)!r} has no part that is done; run fpn run"
            )
    names = tuple(name for name in available if wanted.views is None or name in wanted.views)
    collected = _Collected(out, names, wanted, tuple(available), repeated)
    digest = hashlib.sha256()
    done, unfinished = 0, 0
    for each, of_it, its_job in zip(outs, parts, jobs, strict=True):
        digest.update(its_job["fingerprint"].encode())
        unfinished += its_job["inputs"]["manifest"]["rows"]
        for part in side_by_side(partial(_part_of, each, wanted), read_entries(each, of_it), _READERS):
            collected.add(part, each)
            files = {name: file.sha256 for name, file in part.entry.files.items()}
            digest.update(json.dumps(files).encode())
            unfinished -= part.entry.rows if part.entry.round == 0 else 0
            done += 1
            say(done, sum(map(len, parts)))
        if len(outs) > 1:
            collected.end_of_output()
    # Jobs of versions without the setting mirrored every crop together with its views.
    collected.aligned_mirrored = render.get("aligned_mirrored", True)
    return collected.index(digest.hexdigest(), render["format"], unfinished)


def _check_alike(outs: Sequence[Folder], jobs: Sequence[dict[str, Any]]) -> None:
    """Raises ConfigError where a job differs from the first in what its results mean."""

    def compared(job: dict[str, Any]) -> dict[str, Any]:
        inputs = job["inputs"]
        kept = {name: inputs.get(name) for name in ("format", "model", "head")}
        settings = {name: inputs["settings"].get(name) for name in ("pose", "render")}
        return kept | {"settings": settings, "carried": inputs["manifest"]["carried"]}

    for out, job in zip(outs, jobs, strict=True):
        differences = differing(compared(jobs[0]), compared(job))
        if differences:
            raise ConfigError(
                f"{without_credentials(out.location)!r} cannot be joined with "
                f"{without_credentials(outs[0].location)!r}: they differ in {'; '.join(differences)}"
            )


@dataclass(frozen=True)
class _Part:
    """What is to be known of a part."""

    entry: LedgerEntry
    schema: pa.Schema
    poses: pa.Table
    """The columns that are needed, all of them for an expression."""
    subjects: list[str | None]
    faces: list["_Face"]


def _part_of(out: Folder, wanted: Wanted, entry: LedgerEntry) -> _Part:
    """Read and check a part, on a thread of its own."""
    names = part_files(entry.part, views=True)
    poses, by = _checked(out, entry, names["poses"]), wanted.by
    needed = ["face_id", "mirrored", "yaw_deg", *([by] if by else [])] if wanted.where is None else None
    table, schema = read_parquet(poses, needed), read_parquet_schema(poses)
    ids = table["face_id"].to_pylist()
    subjects: list[str | None] = [None] * len(table)
    if by is not None:
        subjects = _texts(table[by])
    faces = _faces_of(_checked(out, entry, names["views"]), names, ids)
    return _Part(entry, schema, table, subjects, faces)


@dataclass
class _Collected:
    """The views of the parts that were looked at."""

    out: Folder
    names: tuple[str, ...]
    wanted: Wanted
    available: tuple[str, ...]
    """All views of the job."""
    repeated: Repeated
    shards: list[str] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    n_repeated: int = 0
    subjects: dict[str, int] = field(default_factory=dict)
    carried: pa.Schema | None = None
    aligned_mirrored: bool = False
    n_faces: int = 0
    posed: int = 0
    without_views: int = 0
    without_subject: int = 0
    not_selected: int = 0
    spill: SpillFolder = field(default_factory=SpillFolder)

    def __post_init__(self) -> None:
        column = self.spill.column
        self._shard, self._span = column("int32"), column("int64", 2)
        self._name, self._face = column("int16"), column("int32")
        self._face_span, self._face_subject = column("int64", 2), column("int32")
        self._face_mirrored, self._face_yaw_deg = column("bool"), column("float32")
        self._where = None if self.wanted.where is None else Where(self.wanted.where)
        self._ids_before: list[np.ndarray] = []
        self._ids: list[np.ndarray] = []

    def end_of_output(self) -> None:
        """Remember the ids of the output that was added: 8 bytes each."""
        self._ids_before.append(np.sort(np.concatenate([np.zeros(0, np.int64), *self._ids])))
        self._ids = []

    def _stand_before(self, part: _Part, out: Folder) -> np.ndarray:
        """bool (n,): whether each face of a part stands in an output that was added before.

        Raises:
            ConfigError: one does, and that is an error.
        """
        names = part.poses["face_id"].to_pylist()
        ids = np.fromiter(map(hash, names), np.int64, len(names))
        self._ids.append(ids)
        found = np.zeros(len(ids), bool)
        for before in self._ids_before:
            found |= np.isin(ids, before)
        if found.any() and self.repeated == "error":
            raise ConfigError(
                f"the face {names[int(np.argmax(found))]!r} of {without_credentials(out.location)!r} stands "
                "in an earlier output too; --repeated first takes the earlier one of each"
            )
        return found

    def add(self, part: _Part, out: Folder) -> None:
        """Add the views of a part."""
        stands_before = self._stand_before(part, out)
        self.n_repeated += int(stands_before.sum())
        ours = set(pose_schema(pa.schema([])).names)
        self.carried = self.carried or pa.schema([f for f in part.schema if f.name not in ours])
        place_of = {name: n for n, name in enumerate(self.names)}
        selected = None
        if self._where is not None:
            selected = self._where.select(part.poses, aligned=ALIGNED in self.available)
        views: list[tuple[int, int, int, int]] = []
        faces: list[tuple[int, int, int, bool]] = []
        kept: list[int] = []
        mirrored = part.poses["mirrored"].to_pylist()
        for row, (subject, face) in enumerate(zip(part.subjects, part.faces, strict=True)):
            chosen = [(name, span) for name, span in face.views if name in place_of]
            wanted = [(name, span) for name, span in chosen if selected is None or name in selected[row]]
            if stands_before[row]:
                continue
            if not chosen:
                self.without_views += 1
            elif not wanted:
                self.not_selected += 1
            elif self.wanted.needs_subject and not subject:
                self.without_subject += 1
            else:
                label = -1 if not subject else self.subjects.setdefault(subject, len(self.subjects))
                place = self.n_faces + len(faces)
                views += [(*span, place_of[name], place) for name, span in wanted]
                faces.append((*face.json_span, label, mirrored[row]))
                kept.append(row)
        of_views = np.array(views, dtype=np.int64).reshape(-1, 4)
        of_faces = np.array(faces, dtype=np.int64).reshape(-1, 4)
        self._shard.add(np.full(len(of_views), len(self.shards)))
        self._span.add(of_views[:, :2])
        self._name.add(of_views[:, 2])
        self._face.add(of_views[:, 3])
        self._face_span.add(of_faces[:, :2])
        self._face_subject.add(of_faces[:, 2])
        self._face_mirrored.add(of_faces[:, 3] != 0)
        self._face_yaw_deg.add(part.poses["yaw_deg"].to_numpy()[kept])
        self.shards.append(part_files(part.entry.part, views=True)["views"])
        self.folders.append(out)
        self.n_faces += len(faces)
        self.posed += len(part.faces)

    def index(self, fingerprint: str, extension: str, unfinished: int) -> ViewIndex:
        assert self.carried is not None
        sorted_subjects = sorted(self.subjects)
        # Labels were given as subjects came; they are to follow the order of the subjects' names.
        label = np.full(len(self.subjects) + 1, -1, dtype=np.int32)
        for n, subject in enumerate(sorted_subjects):
            label[self.subjects[subject]] = n
        return ViewIndex(
            out=self.out,
            fingerprint=fingerprint,
            shards=self.shards,
            folders=self.folders,
            n_repeated=self.n_repeated,
            shard=self._shard.done(),
            span=self._span.done(),
            name=self._name.done(),
            face=self._face.done(),
            face_span=self._face_span.done(),
            face_subject=self._labels(label),
            face_mirrored=self._face_mirrored.done(),
            aligned_mirrored=self.aligned_mirrored,
            names=self.names,
            extension=extension,
            subjects=tuple(sorted_subjects),
            by=self.wanted.by,
            carried=self.carried,
            unfinished=unfinished,
            posed=self.posed,
            without_views=self.without_views,
            without_subject=self.without_subject,
            not_selected=self.not_selected,
            face_yaw_deg=self._face_yaw_deg.done(),
            spill=self.spill,
        )

    def _labels(self, label: np.ndarray) -> np.ndarray:
        before = self._face_subject.done()
        labels = self.spill.array("int32", len(before))
        for rows in chunks(len(before)):
            labels[rows] = label[before[rows]]
        return labels


@dataclass(frozen=True)
class _Face:
    json_span: Span
    views: list[tuple[str, Span]]


def _faces_of(shard: bytes, files: Mapping[str, str], ids: list[str]) -> list[_Face]:
    """The faces of a shard in order, which must be those of the poses: members of one face lie together."""
    name = files["views"]
    members = read_members(shard)
    spans = zip(members.offsets.tolist(), members.sizes.tolist(), strict=True)
    faces: list[_Face] = []
    for key, of_face in groupby(
        zip(members.names, spans, strict=True), key=lambda member: member[0].partition(".")[0]
    ):
        views, json_span = [], None
        for member, span in of_face:
            view, _, _ = member.partition(".")[2].rpartition(".")
            if view:
                views.append((view, span))
            else:
                json_span = span
        if json_span is None:
            raise StorageError(f"{name} has no JSON for {key}")
        if len(faces) < len(ids) and not _is_of(shard, json_span, ids[len(faces)]):
            raise StorageError(f"{name} and {files['poses']} differ at the face {ids[len(faces)]!r}")
        faces.append(_Face(json_span, views))
    if len(faces) != len(ids):
        raise StorageError(f"{name} has {len(faces)} faces, {files['poses']} {len(ids)}")
    return faces


def _is_of(shard: bytes, span: Span, face_id: str) -> bool:
    """Whether the JSON at a place is that of a face. It begins with the id, so is seldom parsed for it."""
    begins = b'{"face_id": ' + json.dumps(face_id, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if shard.startswith(begins, span[0]):
        return True
    return bool(json.loads(shard[span[0] : sum(span)])["face_id"] == face_id)


def _checked(out: Folder, entry: LedgerEntry, name: str) -> bytes:
    """A file of a part.

    Raises:
        StorageError: it is missing, or not as it was written.
    """
    data = out.read(name)
    written = entry.files.get(name)
    if data is None or written is None:
        raise StorageError(f"{name} is missing in {without_credentials(out.location)!r}; run fpn verify")
    if len(data) != written.size or hashlib.sha256(data).hexdigest() != written.sha256:
        raise StorageError(
            f"{name} in {without_credentials(out.location)!r} is not as it was written; run fpn verify"
        )
    return data


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    if pat.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return [None if value is None else str(value) for value in python_values(column)]
