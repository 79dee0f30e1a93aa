"""Photos in WebDataset shards, which stay where they are: the manifest points into them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import ManifestError
from pipeline.io.byte_ranges import with_spans
from pipeline.manifest.build.naming import file_name
from pipeline.manifest.build.photos import BuildReason, Photo, Refused
from pipeline.manifest.webdataset import box_of, check_end, find_shards, samples

# Where a subject's id is by custom.
_SUBJECT_FIELDS = ("subject_id", "cls")


@dataclass
class ShardSource:
    """The samples of a shard, or of a folder of shards in the order of their names.

    A sample is `<key>.jpg` (or png, webp, jpeg), with `<key>.json` if there is one. Its JSON may give the box
    and `face_id`; without one, the shard's name and the key are the id.
    """

    location: str
    manifest_folder: str
    subject: str | None = None
    """Field of the JSON, or `cls`; by default `subject_id` or `cls`, where the first sample has it."""
    carry: Sequence[str] = ()
    """Further fields of the JSON."""
    _shards: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._shards = find_shards(self.location)
        for shard in self._shards:
            check_end(shard)
        first = next(samples(self._shards, with_images=False, with_classes=True), None)
        if first is None:
            raise ManifestError(f"{self.location} holds no sample: expected <key>.jpg for each photo")
        if self.subject is None:
            self.subject = next((name for name in _SUBJECT_FIELDS if name in first.fields), None)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*(() if self.subject is None else ("subject_id",)), *self.carry)

    def photos(self) -> Iterator[Photo | Refused]:
        fields = (*(() if self.subject is None else (self.subject,)), *self.carry)
        names = [file_name(shard, self.manifest_folder) for shard in self._shards]
        for sample in samples(self._shards, with_images=False, with_classes=True):
            shard = names[sample.shard]
            if sample.image_span is None:
                detail = "there is JSON, but no image beside it"
                yield Refused(f"{shard}: {sample.key}", BuildReason.IMAGE_MISSING, detail)
                continue
            stem = shard.rpartition("/")[2].partition("?")[0].removesuffix(".tar")
            yield Photo(
                str(sample.fields.get("face_id", f"{stem}/{sample.key}")),
                with_spans(shard, [sample.image_span]),
                tuple(_text(sample.fields.get(name)) for name in fields),
                _box(sample.fields),
            )

    def note(self) -> str:
        return ""


def _box(fields: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    if not {"box", "bbox", "x", "width"} & fields.keys():
        return None
    x, y, width, height = box_of(dict(fields))
    return x, y, width, height


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, list | dict) else str(value)
