"""WebDataset shards as a manifest: `<key>.jpg` (or another image) and `<key>.json` for each face.

The JSON gives the box as `x, y, width, height`, or as `box` or `bbox` in that order; all other values are
carried through. The id is its `face_id`, or else the key. Samples are read where they lie.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.errors import ManifestError
from pipeline.io.storage import resolve
from pipeline.manifest.folder import files_in
from pipeline.manifest.json_values import JsonTypes, json_column
from pipeline.manifest.pins import Pin, pin_files, unchanged
from pipeline.manifest.rows import BOX_COLUMNS, RESULT_COLUMNS, Rows, Slice, landmarks_of
from pipeline.manifest.samples import Sample, face_id_of, samples
from pipeline.manifest.tar_members import sha256_of_digests
from pipeline.manifest.validate import IdHashes, IdsSeen

# A place is the number of a shard above this bit, and the byte in the shard below.
_SHARD_BIT = 44
# The place of every so-manieth sample is kept: little memory, and little to skip where a slice begins.
_STRIDE = 16


@dataclass(frozen=True)
class TarManifest:
    """Shards in the order of their names."""

    location: str
    shards: tuple[str, ...]
    pins: tuple[Pin, ...]
    n_rows: int
    carried_schema: pa.Schema
    landmarks: str | None
    sha256: str
    places: "_Places"
    ids_seen: IdsSeen | None
    passed_over: tuple[tuple[str, int], ...]
    """Endings of members that belong to no face, with their number."""
    kind: str = "webdataset"

    @property
    def holds_images(self) -> bool:
        return True

    def slices(self, count: int) -> list[Slice]:
        return self.cut(range(0, self.n_rows, count))

    def cut(self, starts: Sequence[int]) -> list[Slice]:
        return [
            Slice(row, stop - row, *self.places.before(row)) for row, stop in pairwise([*starts, self.n_rows])
        ]

    def read(self, part: Slice) -> Rows:
        first, offset = divmod(part.offset, 1 << _SHARD_BIT)
        # What is known before reading: the first shard. The others show themselves by their samples.
        with unchanged(self.pins[first : first + 1]):
            walked = samples(self.shards, first, offset)
            taken = list(islice(walked, part.length, part.length + part.count))
            touched = sorted({first, *(sample.shard for sample in taken)})
            with unchanged([self.pins[number] for number in touched[1:]]):
                images = _images(self.shards, taken)
        if len(taken) != part.count:
            raise ManifestError(
                f"{self.location} has {len(taken)} samples from row {part.start} on, its plan says "
                f"{part.count}; were the shards changed while the job ran?"
            )
        fields = [sample.fields for sample in taken]
        carried = {
            field.name: json_column([f.get(field.name) for f in fields], field.type)
            for field in self.carried_schema
        }
        table = pa.table(carried) if carried else pa.table({"": pa.nulls(len(taken))}).select([])
        return Rows(
            list(range(part.start, part.start + len(taken))),
            [face_id_of(sample, sample.key) for sample in taken],
            [sample.key for sample in taken],
            images,
            np.array([box_of(f) for f in fields]).reshape(-1, 4),
            {i: sample.fault for i, sample in enumerate(taken) if sample.fault},
            table,
            landmarks_of([f.get(self.landmarks) for f in fields]) if self.landmarks else None,
            {i: box_text(f) for i, f in enumerate(fields) if not np.isfinite(box_of(f)).all()},
        )

    def ids(self) -> Iterator[Sequence[str]]:
        for sample in samples(self.shards):
            yield [face_id_of(sample, sample.key)]

    def __getstate__(self) -> dict[str, Any]:
        """Workers get neither the places of all samples nor what is known of all ids."""
        return {**vars(self), "places": _Places(), "ids_seen": None}


class _Places:
    """Where every sixteenth sample lies, 16 bytes for each."""

    def __init__(self) -> None:
        self._groups: list[int] = []
        self._indices: list[int] = []

    def add(self, row: int, sample: Sample) -> None:
        if row % _STRIDE == 0:
            self._groups.append((sample.shard << _SHARD_BIT) + sample.group_offset)
            self._indices.append(sample.index)

    def before(self, row: int) -> tuple[int, int]:
        """Where a group begins that lies before a row, and the number of samples from there to the row."""
        at = row // _STRIDE
        return self._groups[at], self._indices[at] + row - at * _STRIDE


def index_tars(
    location: str, carry: str | Sequence[str], landmarks: str | None, *, checksum: bool
) -> TarManifest:
    """Open a shard, or a folder of shards, and see all of their samples once.

    Raises:
        ManifestError: no shard, no sample, a shard that is not whole, or a carried value with the name of a
            column of the results.
    """
    passed_over = Counter[str]()
    shards = tuple(find_shards(location, passed_over))
    pins = pin_files(shards)
    own = frozenset({*BOX_COLUMNS, "box", "bbox", "face_id", *([landmarks] if landmarks else [])})
    types, places, hashes = JsonTypes(own), _Places(), IdHashes()
    digests = [hashlib.sha256() for _ in shards] if checksum else None
    n_rows = 0
    with unchanged(pins):
        for sample in samples(shards, passed_over=passed_over, digests=digests):
            fields = sample.fields
            types.add(fields if carry == "all" else {name: fields[name] for name in carry if name in fields})
            places.add(n_rows, sample)
            hashes.add(face_id_of(sample, sample.key))
            n_rows += 1
    if not n_rows:
        raise ManifestError(f"{location} holds no sample: expected <key>.jpg and <key>.json for each face")
    _check_carried(location, types, carry)
    return TarManifest(
        location,
        shards,
        pins,
        n_rows,
        types.schema(),
        landmarks,
        "" if digests is None else sha256_of_digests([digest.hexdigest() for digest in digests]),
        places,
        hashes.seen(),
        tuple(sorted(passed_over.items())),
    )


def _check_carried(location: str, types: JsonTypes, carry: str | Sequence[str]) -> None:
    taken = sorted(types.names & RESULT_COLUMNS)
    if taken:
        raise ManifestError(
            f"{location}: the value {', '.join(taken)} has the name of a column of the results; choose the "
            "values to carry with --set manifest.carry=[...]"
        )
    absent = [] if carry == "all" else sorted(set(carry) - types.names)
    if absent:
        raise ManifestError(
            f"{location}: no sample has a value {', '.join(absent)} to carry; manifest.carry names it"
        )


def find_shards(location: str, passed_over: Counter[str] | None = None) -> list[str]:
    """The shards at a location: itself, or the .tar files of the folder that it is, by name.

    `passed_over` counts the other files of the folder by their endings.

    Raises:
        ManifestError: the folder has none, or one that is packed.
    """
    shards, others = files_in(location, ".tar")
    if not shards:
        raise ManifestError(f"the folder {location!r} holds no .tar file; name the one with the shards")
    if passed_over is not None:
        passed_over.update(others)
    return shards


def _images(shards: Sequence[str], taken: Sequence[Sample]) -> list[bytes]:
    """The encoded images of samples; empty where a sample has none."""
    images = []
    for number in sorted({sample.shard for sample in taken}):
        filesystem, path = resolve(shards[number])
        with filesystem.open_input_file(path) as file:
            for sample in taken:
                if sample.shard != number:
                    continue
                offset, size = sample.image_span or (0, 0)
                image = file.read_at(size, offset) if size else b""
                if len(image) != size:
                    raise ManifestError(f"{shards[number]} ends before byte {offset + size}; copy it again")
                images.append(image)
    return images


def has_box(fields: dict[str, Any]) -> bool:
    """Whether the JSON of a sample has a box. Width and height alone are those of the picture: img2dataset
    and others write them."""
    return any(fields.get(name) is not None for name in ("box", "bbox", "x", "y"))


def box_of(fields: dict[str, Any]) -> list[float]:
    """The box of a sample, NaN where its JSON has no number."""
    box = _written_box(fields)
    if not isinstance(box, list) or len(box) != len(BOX_COLUMNS):
        return [math.nan] * len(BOX_COLUMNS)
    return [_number(value) for value in box]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # a whole number of 300 digits and more
        return math.inf


def _written_box(fields: dict[str, Any]) -> Any:
    if not has_box(fields):
        return None
    box = next((fields[name] for name in ("box", "bbox") if fields.get(name) is not None), None)
    return [fields.get(name) for name in BOX_COLUMNS] if box is None else box


def box_text(fields: dict[str, Any]) -> str:
    """What the JSON has for the box, for those who look for the fault in it."""
    if not has_box(fields):
        return "the JSON has no box"
    text = json.dumps(_written_box(fields), ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
