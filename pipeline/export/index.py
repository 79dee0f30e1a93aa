"""Which views a job has written, and where each lies: from its committed parts, whose checksums must hold."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from faceposenet.photo.byte_ranges import Span
from pipeline.errors import ConfigError, StorageError
from pipeline.export.where import ALIGNED, Where
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder, without_credentials
from pipeline.io.tables import python_values
from pipeline.job.job_file import stored_job
from pipeline.job.ledger import LedgerEntry, committed_parts, part_files, read_entries
from pipeline.stages.write import pose_schema


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
    """The views that are exported, in the order of the job. Takes about 26 bytes per view and 21 per face."""

    out: Folder
    fingerprint: str
    """Of the job and its committed parts."""
    shards: list[str]
    """Names of the shards in `out`."""
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
    """Check the committed parts of a job and find their views. `say` hears of each part that is done.

    Raises:
        StorageError: `out` is not the output of a job, or a file is missing or not as it was written.
        ConfigError: a view or a column that the job does not have, or a job without views.
    """
    job = stored_job(out)
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
    entries = list(read_entries(out, sorted(committed_parts(out))))
    if not entries:
        raise StorageError(f"{without_credentials(out.location)!r} has no part that is done; run fpn run")
    names = tuple(name for name in available if wanted.views is None or name in wanted.views)
    collected = _Collected(out, names, wanted, tuple(available))
    digest = hashlib.sha256(job["fingerprint"].encode())
    for n, entry in enumerate(entries, 1):
        collected.add(entry)
        digest.update(json.dumps({name: file.sha256 for name, file in entry.files.items()}).encode())
        say(n, len(entries))
    unfinished = manifest["rows"] - sum(entry.rows for entry in entries if entry.round == 0)
    # Jobs of versions without the setting mirrored every crop together with its views.
    collected.aligned_mirrored = render.get("aligned_mirrored", True)
    return collected.index(digest.hexdigest(), render["format"], unfinished)


@dataclass
class _Collected:
    """The views of the parts that were looked at."""

    out: Folder
    names: tuple[str, ...]
    wanted: Wanted
    available: tuple[str, ...]
    """All views of the job."""
    shards: list[str] = field(default_factory=list)
    views: list[np.ndarray] = field(default_factory=list)
    """int64 (n, 5) of each part: shard, offset, length, name, face."""
    faces: list[np.ndarray] = field(default_factory=list)
    """int64 (n, 4) of each part: offset and length of the JSON, subject, mirrored."""
    subjects: dict[str, int] = field(default_factory=dict)
    carried: pa.Schema | None = None
    aligned_mirrored: bool = False
    n_faces: int = 0
    posed: int = 0
    without_views: int = 0
    without_subject: int = 0
    not_selected: int = 0
    yaws_deg: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._where = None if self.wanted.where is None else Where(self.wanted.where)

    def add(self, entry: LedgerEntry) -> None:
        names = part_files(entry.part, views=True)
        table = read_parquet(_checked(self.out, entry, names["poses"]))
        ours = set(pose_schema(pa.schema([])).names)
        self.carried = self.carried or pa.schema([f for f in table.schema if f.name not in ours])
        by = self.wanted.by
        subjects = [None] * len(table) if by is None else _texts(table[by])
        poses = zip(table["face_id"].to_pylist(), subjects, table["mirrored"].to_pylist(), strict=True)
        found = list(_faces_of(_checked(self.out, entry, names["views"]), names["views"]))
        if len(found) != len(table):
            raise StorageError(f"{names['views']} has {len(found)} faces, {names['poses']} {len(table)}")
        selected = None
        if self._where is not None:
            selected = self._where.select(table, aligned=ALIGNED in self.available)
        views: list[tuple[int, ...]] = []
        faces: list[tuple[int, int, int, bool]] = []
        kept: list[int] = []
        for row, ((face_id, subject, mirrored), face) in enumerate(zip(poses, found, strict=True)):
            if face.face_id != face_id:
                raise StorageError(f"{names['views']} and {names['poses']} differ at the face {face_id!r}")
            chosen = [(self.names.index(name), span) for name, span in face.views if name in self.names]
            wanted = [pair for pair in chosen if selected is None or self.names[pair[0]] in selected[row]]
            if not chosen:
                self.without_views += 1
            elif not wanted:
                self.not_selected += 1
            elif self.wanted.needs_subject and not subject:
                self.without_subject += 1
            else:
                label = -1 if not subject else self.subjects.setdefault(subject, len(self.subjects))
                place = self.n_faces + len(faces)
                views += [(len(self.shards), *span, name, place) for name, span in wanted]
                faces.append((*face.json_span, label, mirrored))
                kept.append(row)
        self.shards.append(names["views"])
        self.views.append(np.array(views, dtype=np.int64).reshape(-1, 5))
        self.faces.append(np.array(faces, dtype=np.int64).reshape(-1, 4))
        self.yaws_deg.append(table["yaw_deg"].to_numpy().astype(np.float32)[kept])
        self.n_faces += len(faces)
        self.posed += len(table)

    def index(self, fingerprint: str, extension: str, unfinished: int) -> ViewIndex:
        assert self.carried is not None
        views, faces = np.concatenate(self.views), np.concatenate(self.faces)
        sorted_subjects = sorted(self.subjects)
        # Labels were given as subjects came; they are to follow the order of the subjects' names.
        label = np.full(len(self.subjects) + 1, -1, dtype=np.int32)
        for n, subject in enumerate(sorted_subjects):
            label[self.subjects[subject]] = n
        return ViewIndex(
            out=self.out,
            fingerprint=fingerprint,
            shards=self.shards,
            shard=views[:, 0].astype(np.int32),
            span=views[:, 1:3],
            name=views[:, 3].astype(np.int16),
            face=views[:, 4].astype(np.int32),
            face_span=faces[:, :2],
            face_subject=label[faces[:, 2]],
            face_mirrored=faces[:, 3].astype(bool),
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
            face_yaw_deg=np.concatenate(self.yaws_deg),
        )


@dataclass(frozen=True)
class _Face:
    face_id: str
    json_span: Span
    views: list[tuple[str, Span]]


def _faces_of(shard: bytes, name: str) -> Iterator[_Face]:
    """The faces of a shard in order: members of one face lie together."""
    with tarfile.open(fileobj=io.BytesIO(shard), mode="r:") as tar:
        for key, members in groupby(tar, key=lambda member: member.name.partition(".")[0]):
            views, json_span = [], None
            for member in members:
                span = (member.offset_data, member.size)
                view, _, _ = member.name.partition(".")[2].rpartition(".")
                if view:
                    views.append((view, span))
                else:
                    json_span = span
            if json_span is None:
                raise StorageError(f"{name} has no JSON for {key}")
            record = json.loads(shard[json_span[0] : sum(json_span)])
            yield _Face(record["face_id"], json_span, views)


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
