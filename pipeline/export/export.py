"""An export as a whole: bound to its job and settings, resumable, with counts that add up."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pipeline.errors import ConfigError, FingerprintError
from pipeline.export.imagefolder import write_imagefolder
from pipeline.export.index import Repeated, ViewIndex, Wanted, join_views
from pipeline.export.order import Order, cut, ordered
from pipeline.export.parquet import parquet_shard
from pipeline.export.records import write_records
from pipeline.export.samples import SampleReader
from pipeline.export.selection import sampled_by_yaw, split_by_subject, weighted_by_yaw, with_min_images
from pipeline.export.webdataset import webdataset_shard
from pipeline.export.where import ALIGNED
from pipeline.io.storage import Folder, join, without_credentials
from pipeline.job.exports import note_export
from pipeline.job.job_file import stored_job

Form = Literal["imagefolder", "webdataset", "parquet", "recordio"]
Balance = Literal["yaw", "yaw:sample"]
RECORD = "_export.json"
SUBJECT_COLUMN = "subject_id"
Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ExportSettings:
    """What is exported, and how."""

    form: Form
    by: str | None = None
    """Column of the subject; by default `subject_id`, where the job has it."""
    views: tuple[str, ...] | Literal["all"] | None = None
    """Names of views; by default all, for RecordIO the aligned crop where there is one."""
    order: Order | None = None
    """By default shuffled for WebDataset, as in the job for the others."""
    seed: int = 0
    shard_size: int = 10_000
    """Views in a file of WebDataset or Parquet."""
    where: str | None = None
    """Which pictures, as an expression (see `pipeline.export.where`)."""
    min_images: int = 1
    """Subjects with fewer faces are left out."""
    balance: Balance | None = None
    """`yaw` gives every picture a weight, `yaw:sample` leaves pictures out."""
    val: float | None = None
    """Share of the subjects that go into a split of their own."""


@dataclass(frozen=True)
class Exported:
    """What was exported; posed = faces + without_views + without_subject + not_selected + repeated."""

    unfinished: int
    """Faces that the job has yet to do."""
    posed: int
    faces: int
    without_views: int
    without_subject: int
    views: int
    subjects: int
    files: int
    not_selected: int = 0
    """Faces of which the expression, the least number of images or the balance left nothing."""
    val_views: int = 0
    """Views and subjects of the split for validation, which count above too."""
    val_subjects: int = 0
    repeated: int = 0
    """Faces that stand in an earlier one of several outputs, and count once."""


def export_views(
    out: str | Sequence[str],
    dest: str,
    settings: ExportSettings,
    say: Say = lambda what, n, of: None,
    repeated: Repeated = "error",
) -> Exported:
    """Export the views of the job in `out` to the folder `dest`; the same call continues a stopped one.

    Args:
        out: The output of a job, or of several with the same settings, which are joined.
        dest: Folder of the export.
        settings: What is exported, and how.
        say: Called with what is being done, how much of it is done, and of how much.
        repeated: What becomes of a face id that stands in two outputs (see `join_views`).

    Raises:
        ConfigError: a view or column that the job does not have.
        FingerprintError: `dest` holds another export, or other files.
        StorageError: see `index_views`; or `dest` cannot be written.
    """
    sources, target = [Folder(each) for each in ([out] if isinstance(out, str) else out)], Folder(dest)
    job = stored_job(sources[0])
    settings = _resolved(settings, job["inputs"])
    needs_subject = settings.form in ("imagefolder", "recordio")
    views = None if settings.views == "all" else settings.views
    wanted = Wanted(views, settings.by, needs_subject, settings.where)
    index = join_views(sources, wanted, lambda n, of: say("parts checked", n, of), repeated)
    splits = _selected(index, settings) if len(index) else {}
    exported = _counts(index, splits)
    if not exported.views:
        raise ConfigError(
            f"there is nothing to export: of {index.posed:,} posed faces, {index.without_views:,} have none "
            f"of these views, {index.without_subject:,} no subject, and {exported.not_selected:,} are not "
            "selected"
        )
    record = {"job": index.fingerprint, "settings": json.loads(json.dumps(asdict(settings)))}
    before = _bound(target, record)
    if before is None:
        target.write(RECORD, json.dumps(record, indent=1).encode())
    if before is not None and "result" in before:
        return Exported(**before["result"])
    files = 0
    for name, split in splits.items():
        with SampleReader(split) as reader:
            files += _write(reader, target, name, settings, say)
    exported = replace(exported, files=files)
    for source in sources:
        note_export(source, dest)
    target.write(RECORD, json.dumps({**record, "result": asdict(exported)}, indent=1).encode())
    return exported


def _selected(index: ViewIndex, settings: ExportSettings) -> dict[str, ViewIndex]:
    """What is exported, by the name of its split: `train` alone, or `train` and `val`."""
    if settings.min_images > 1:
        index = with_min_images(index, settings.min_images)
    if settings.balance == "yaw" and len(index):
        index = weighted_by_yaw(index)
    elif settings.balance == "yaw:sample" and len(index):
        index = sampled_by_yaw(index, settings.seed)
    if settings.val is None:
        return {"train": index}
    return split_by_subject(index, settings.val, settings.seed)


def _counts(index: ViewIndex, splits: Mapping[str, ViewIndex]) -> Exported:
    """What is to be exported, before its files are counted."""
    faces = sum(len(split.face_subject) for split in splits.values())
    val = splits.get("val")
    return Exported(
        unfinished=index.unfinished,
        posed=index.posed,
        faces=faces,
        without_views=index.without_views,
        without_subject=index.without_subject,
        views=sum(map(len, splits.values())),
        subjects=sum(len(split.subjects) for split in splits.values()),
        files=0,
        not_selected=index.not_selected + len(index.face_subject) - faces,
        val_views=0 if val is None else len(val),
        val_subjects=0 if val is None else len(val.subjects),
        repeated=index.n_repeated,
    )


def _resolved(settings: ExportSettings, inputs: dict[str, Any]) -> ExportSettings:
    """The settings with their defaults, which depend on the job."""
    carried, render = inputs["manifest"]["carried"], inputs["settings"]["render"]
    by = settings.by or (SUBJECT_COLUMN if SUBJECT_COLUMN in carried else None)
    if by is None and settings.form in ("imagefolder", "recordio"):
        raise ConfigError(
            f"{settings.form} needs to know whose face each is: name a column of the job with --by; it has "
            f"{', '.join(carried) or 'none'}"
        )
    views, order = settings.views, settings.order
    if views is None:
        views = (ALIGNED,) if settings.form == "recordio" and render["aligned_px"] else "all"
    if settings.form == "recordio":
        order = "subject"
    if order is None:
        order = "shuffled" if settings.form == "webdataset" else "job"
    for option, asked in (("--min-images", settings.min_images > 1), ("--val", settings.val is not None)):
        if asked and by is None:
            raise ConfigError(
                f"{option} needs to know whose face each is: name a column of the job with --by"
            )
    if order == "subject" and by is None:
        raise ConfigError(f"the job has no column {SUBJECT_COLUMN!r} to order by; name one with --by")
    return replace(settings, by=by, views=views, order=order)


def _bound(target: Folder, record: dict[str, Any]) -> dict[str, Any] | None:
    """What an earlier run noted of this very export, or None in an empty folder.

    Raises:
        FingerprintError: the folder holds something else.
    """
    shown = without_credentials(target.location)
    data = target.read(RECORD)
    if data is None:
        if any(not name.startswith(".") for name in target.names()):
            raise FingerprintError(
                f"{shown!r} is not empty and no export (it has no {RECORD}); name a new folder"
            )
        return None
    try:
        before: dict[str, Any] = json.loads(data)
    except ValueError as error:
        raise FingerprintError(f"{RECORD} in {shown!r} is not of this program: {error}") from error
    differing = [name for name in record if before.get(name) != record[name]]
    if differing:
        raise FingerprintError(
            f"{shown!r} holds another export; it differs in: {', '.join(differing)}. Name a new folder, or "
            "delete that one"
        )
    return before


def _write(reader: SampleReader, target: Folder, split: str, settings: ExportSettings, say: Say) -> int:
    """Write all files of a split; returns their number."""
    index = reader.index
    assert settings.order is not None
    places = ordered(index, settings.order, settings.seed)

    def say_views(n: int) -> None:
        say("views written", n, len(places))

    if settings.form in ("imagefolder", "recordio") and settings.val is not None:
        target = Folder(join(target.location, split))
    if settings.form == "imagefolder":
        return write_imagefolder(reader, places, target, say_views)
    if settings.form == "recordio":
        return write_records(reader, places, target, say_views)
    shards = cut(index, places, settings.shard_size, settings.order)
    there = set(target.names())
    first_key = 0
    for n, shard in enumerate(shards):
        if settings.form == "webdataset":
            name, make = f"{split}-{n:06d}.tar", webdataset_shard
        else:
            name, make = f"{split}-{n:05d}-of-{len(shards):05d}.parquet", parquet_shard
        # A shard is written whole or not at all, and its bytes depend on the index and the settings alone.
        if name not in there:
            target.write(name, make(reader, shard, first_key))
        first_key += len(shard)
        say_views(first_key)
    return len(shards)
