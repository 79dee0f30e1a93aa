"""Photos in WebDataset shards, which stay where they are: the manifest points into them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faceposenet.photo.byte_ranges import with_spans
from pipeline.errors import ManifestError
from pipeline.io.storage import base_name
from pipeline.manifest.build.naming import file_name
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.endings import passed_over_note
from pipeline.manifest.json_values import json_text
from pipeline.manifest.samples import Sample, face_id_of, samples
from pipeline.manifest.tar_members import check_tail
from pipeline.manifest.webdataset import box_of, box_text, find_shards, has_box

# Where a subject's id is by custom, the first that a sample has.
_SUBJECT_FIELDS = ("subject_id", "cls")


@dataclass
class ShardSource:
    """The samples of a shard, or of a folder of shards in the order of their names.

    A sample is `<key>.jpg` (or another image), with `<key>.json` if there is one. Its JSON may give the box
    and `face_id`; without one, the shard's name and the key are the id.
    """

    location: str
    manifest_folder: str
    subject: str | None = None
    """Field of the JSON, or `cls`; by default `subject_id` or else `cls`, where any sample has them."""
    carry: Sequence[str] = ()
    """Further fields of the JSON."""
    _shards: list[str] = field(init=False)
    _subjects: tuple[str, ...] = field(init=False)
    _others: Counter[str] = field(init=False)
    """Other files of the folder, by their endings."""
    _passed_over: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._others = Counter[str]()
        self._shards = find_shards(self.location, self._others)
        for shard in self._shards:
            check_tail(shard)
        walked = samples(self._shards, with_classes=True)
        first = next(walked, None)
        if first is None:
            raise ManifestError(f"{self.location} holds no sample: expected <key>.jpg for each photo")
        self._subjects = (self.subject,) if self.subject is not None else _SUBJECT_FIELDS
        if self.subject is None and not _has_subject(first):
            # Ends at the first sample that has one; only a set without subjects is walked to its end.
            self._subjects = _SUBJECT_FIELDS if any(map(_has_subject, walked)) else ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*(("subject_id",) if self._subjects else ()), *self.carry)

    def photos(self) -> Iterator[SourceImage | Refused]:
        names = [file_name(shard, self.manifest_folder) for shard in self._shards]
        self._passed_over = Counter(self._others)
        for sample in samples(self._shards, with_classes=True, passed_over=self._passed_over):
            shard = names[sample.shard]
            if sample.fault:
                yield Refused(f"{shard}: {sample.key}", BuildReason.ROW_MALFORMED, sample.fault)
                continue
            if sample.image_span is None:
                detail = "there is JSON, but no image beside it"
                yield Refused(f"{shard}: {sample.key}", BuildReason.IMAGE_MISSING, detail)
                continue
            stem = base_name(shard).removesuffix(".tar")
            box = _box(sample.fields)
            yield SourceImage(
                face_id_of(sample, f"{stem}/{sample.key}"),
                with_spans(shard, [sample.image_span]),
                self._values(sample.fields),
                box,
                "" if box is None or np.isfinite(box).all() else box_text(sample.fields),
            )

    def note(self) -> str:
        """The members that belong to no sample, by their endings."""
        return passed_over_note(self._passed_over)

    def _values(self, fields: dict[str, Any]) -> tuple[str | None, ...]:
        subject = next((fields[name] for name in self._subjects if fields.get(name) is not None), None)
        values = [subject] if self._subjects else []
        return tuple(json_text(value) for value in [*values, *(fields.get(name) for name in self.carry)])


def _has_subject(sample: Sample) -> bool:
    return any(sample.fields.get(name) is not None for name in _SUBJECT_FIELDS)


def _box(fields: dict[str, Any]) -> tuple[float, float, float, float] | None:
    if not has_box(fields):
        return None
    x, y, width, height = box_of(fields)
    return x, y, width, height
