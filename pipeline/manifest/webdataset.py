"""WebDataset shards as a manifest: `<key>.jpg` (or png, webp, jpeg) and `<key>.json` for each face.

The JSON gives the box as `x, y, width, height`, or as `box` or `bbox` in that order; all other values that
are text, numbers or truth values are carried through. The id is its `face_id`, or else the key. Samples are
read where they lie, from the byte at which a slice begins.
"""

import json
import math
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs

from pipeline.errors import ManifestError
from pipeline.io.byte_ranges import Span
from pipeline.io.storage import resolve
from pipeline.manifest.rows import BOX_COLUMNS, RESULT_COLUMNS, Rows, Slice, landmarks_of
from pipeline.manifest.text import sha256_of_all

IMAGE_EXTENSIONS = frozenset({"jpg", "jpeg", "png", "webp"})
# A slice's offset holds the number of its shard above this bit, the byte in the shard below.
_SHARD_BIT = 44


@dataclass(frozen=True)
class Sample:
    """One face of a shard, and where it begins."""

    key: str
    shard: int
    offset: int
    image: bytes
    image_span: Span | None
    """Where the image's bytes lie in the shard; None where the sample has no image."""
    fields: dict[str, Any]


@dataclass(frozen=True)
class TarManifest:
    """Shards in the order of their names."""

    location: str
    shards: tuple[str, ...]
    n_rows: int
    carried_schema: pa.Schema
    landmarks: str | None
    sha256: str
    kind: str = "webdataset"

    def slices(self, count: int) -> list[Slice]:
        return [
            Slice(row, min(count, self.n_rows - row), (sample.shard << _SHARD_BIT) + sample.offset)
            for row, sample in enumerate(samples(self.shards, with_images=False))
            if row % count == 0
        ]

    def read(self, part: Slice) -> Rows:
        shard, offset = divmod(part.offset, 1 << _SHARD_BIT)
        taken = list(islice(samples(self.shards, shard, offset), part.count))
        fields = [sample.fields for sample in taken]
        carried = {
            field.name: pa.array([_carried(f.get(field.name), field.type) for f in fields], field.type)
            for field in self.carried_schema
        }
        table = pa.table(carried) if carried else pa.table({"": pa.nulls(len(taken))}).select([])
        return Rows(
            list(range(part.start, part.start + len(taken))),
            [str(sample.fields.get("face_id", sample.key)) for sample in taken],
            [sample.key for sample in taken],
            [sample.image for sample in taken],
            np.array([box_of(f) for f in fields]).reshape(-1, 4),
            {},
            table,
            landmarks_of([f.get(self.landmarks) for f in fields]) if self.landmarks else None,
        )

    def ids(self) -> Iterator[Sequence[str]]:
        for sample in samples(self.shards, with_images=False):
            yield [str(sample.fields.get("face_id", sample.key))]


def index_tars(
    location: str, carry: str | Sequence[str], landmarks: str | None, *, checksum: bool
) -> TarManifest:
    """Open a shard, or a folder of shards, and see what its first sample carries.

    Raises:
        ManifestError: no shard, no sample in it, or a carried value with the name of a column of the results.
    """
    shards = tuple(find_shards(location))
    for shard in shards:
        check_end(shard)
    first = next(samples(shards), None)
    if first is None:
        raise ManifestError(f"{location} holds no sample: expected <key>.jpg and <key>.json for each face")
    names = [
        name
        for name, value in first.fields.items()
        if isinstance(value, str | bool | int | float)
        and name not in (*BOX_COLUMNS, "face_id", landmarks)
        and (carry == "all" or name in carry)
    ]
    taken = sorted(set(names) & RESULT_COLUMNS)
    if taken:
        raise ManifestError(
            f"{location}: the value {', '.join(taken)} has the name of a column of the results; choose the "
            "values to carry with --set manifest.carry=[...]"
        )
    schema = pa.schema([(name, _type(first.fields[name])) for name in sorted(names)])
    n_rows = sum(1 for _ in samples(shards, with_images=False))
    digest = sha256_of_all(shards) if checksum else ""
    return TarManifest(location, shards, n_rows, schema, landmarks, digest)


def find_shards(location: str) -> list[str]:
    """The shards at a location: itself, or the .tar files of the folder that it is, by name.

    Raises:
        ManifestError: the folder has none.
    """
    filesystem, path = resolve(location)
    if filesystem.get_file_info(path).type != pafs.FileType.Directory:
        return [location]
    entries = filesystem.get_file_info(pafs.FileSelector(path))
    names = sorted(entry.base_name for entry in entries if entry.base_name.endswith(".tar"))
    if not names:
        raise ManifestError(f"the folder {location!r} holds no .tar file; name the one with the shards")
    return [f"{location.rstrip('/')}/{name}" for name in names]


def check_end(shard: str) -> None:
    """A shard that was cut off reads as a shorter one, so its end is looked at: two blocks of zeros.

    Raises:
        ManifestError: it is not there.
    """
    filesystem, path = resolve(shard)
    with filesystem.open_input_file(path) as file:
        size = file.size()
        end = file.read_at(min(size, 2 * tarfile.BLOCKSIZE), max(0, size - 2 * tarfile.BLOCKSIZE))
    if len(end) < 2 * tarfile.BLOCKSIZE or any(end):
        raise ManifestError(f"{shard} is no whole tar file: it lacks the end of an archive; copy it again")


def samples(
    shards: Sequence[str],
    shard: int = 0,
    offset: int = 0,
    *,
    with_images: bool = True,
    with_classes: bool = False,
) -> Iterator[Sample]:
    """The samples from a place on, in order. Members of one sample lie together, as WebDataset wants it.

    `with_classes` takes the text of `<key>.cls` for a field `cls`.

    Raises:
        ManifestError: a shard that is no tar file, or JSON that is none.
    """
    for number in range(shard, len(shards)):
        filesystem, path = resolve(shards[number])
        try:
            with filesystem.open_input_file(path) as file:
                file.seek(offset if number == shard else 0)
                yield from _samples_of(file, number, with_images=with_images, with_classes=with_classes)
        except tarfile.TarError as error:
            raise ManifestError(
                f"{shards[number]} is no readable tar file: {error}; copy it again"
            ) from error


def _samples_of(file: Any, shard: int, *, with_images: bool, with_classes: bool) -> Iterator[Sample]:
    """A sample is whatever has an image or a JSON: one without the other becomes a reject, not a loss."""
    sample: Sample | None = None
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            folder, slash, name = member.name.rpartition("/")
            stem, _, extension = name.partition(".")
            key, extension = f"{folder}{slash}{stem}", extension.lower()
            taken = (
                extension in IMAGE_EXTENSIONS or extension == "json" or (with_classes and extension == "cls")
            )
            if not member.isfile() or not taken:
                continue
            if sample is None or sample.key != key:
                if sample is not None:
                    yield sample
                sample = Sample(key, shard, member.offset, b"", None, {})
            if extension == "json":
                sample = replace(sample, fields={**sample.fields, **_fields(tar, member)})
                continue
            if extension == "cls":
                data = tar.extractfile(member)
                text = data.read().decode("utf-8", "replace").strip() if data else ""
                sample = replace(sample, fields={**sample.fields, "cls": text})
                continue
            sample = replace(sample, image_span=(member.offset_data, member.size))
            if with_images:
                data = tar.extractfile(member)
                sample = replace(sample, image=data.read() if data else b"")
    if sample is not None:
        yield sample


def _fields(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    data = tar.extractfile(member)
    try:
        fields = json.loads(data.read()) if data else {}
    except ValueError as error:
        raise ManifestError(f"{member.name} is no JSON: {error}; expected an object with the box") from error
    if not isinstance(fields, dict):
        raise ManifestError(
            f"{member.name} must be a JSON object, but is a {type(fields).__name__}; expected the box"
        )
    return fields


def box_of(fields: dict[str, Any]) -> list[float]:
    """The box of a sample, NaN where its JSON has no number."""
    box = fields.get("box", fields.get("bbox", [fields.get(name) for name in BOX_COLUMNS]))
    if not isinstance(box, list) or len(box) != len(BOX_COLUMNS):
        return [math.nan] * len(BOX_COLUMNS)
    return [
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        for value in box
    ]


def _type(value: object) -> pa.DataType:
    if isinstance(value, bool):
        return pa.bool_()
    return pa.string() if isinstance(value, str) else pa.float64()


def _carried(value: object, kind: pa.DataType) -> object:
    """The value, where it is of the kind that the first sample had."""
    if value is None or isinstance(value, list | dict):
        return None
    if kind == pa.string():
        return str(value)
    if kind == pa.bool_():
        return value if isinstance(value, bool) else None
    return float(value) if isinstance(value, int | float) else None
