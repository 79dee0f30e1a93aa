"""Views one by one, in whatever order they are exported: the picture, and all that is known of it."""

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

from faceposenet.photo.byte_ranges import Span
from faceposenet.photo.locations import is_uri
from pipeline.errors import StorageError
from pipeline.export.index import ViewIndex
from pipeline.io.backoff import patiently
from pipeline.io.read_ahead import read_ahead

_OPEN_SHARDS = 64
_READERS = 16


@dataclass(frozen=True)
class Sample:
    """One view of one face."""

    face_id: str
    subject: str | None
    label: int
    """Number of the subject, -1 without one."""
    view: str
    picture: bytes
    """Encoded."""
    columns: dict[str, Any]
    """What `sample_schema` says."""


def sample_schema(index: ViewIndex) -> pa.Schema:
    """The columns of a view besides its picture; values as in the poses of the job. The pose is the photo's.

    Carried columns keep their type where JSON has it; of others it is their text.
    """
    carried = [(_free(column.name), _plain_type(column.type)) for column in index.carried]
    label = [] if index.by is None else [("label", pa.int64())]
    weight = [] if index.weight is None else [("weight", pa.float32())]
    return pa.schema([*_IDENTITY, *label, *carried, *_POSE, *weight])


_IDENTITY = [("face_id", pa.string()), ("view", pa.string())]
_POSE = [
    ("photo", pa.string()),
    ("view_yaw_deg", pa.float32()),
    ("mirrored", pa.bool_()),
    ("seen_fraction", pa.float32()),
    ("filled_fraction", pa.float32()),
    ("yaw_deg", pa.float32()),
    ("pitch_deg", pa.float32()),
    ("roll_deg", pa.float32()),
    ("rvec_rad", pa.list_(pa.float32())),
    ("tvec_mm", pa.list_(pa.float32())),
    ("confidence", pa.float32()),
]
# Columns of exports that a job's own could be called like; those come out as `carried_...`.
_TAKEN = frozenset({name for name, _ in _IDENTITY + _POSE} | {"label", "image", "file_name", "key", "weight"})


def _free(name: str) -> str:
    return f"carried_{name}" if name in _TAKEN else name


def _plain_type(kind: pa.DataType) -> pa.DataType:
    value = kind.value_type if pat.is_dictionary(kind) else kind
    if pat.is_boolean(value):
        return pa.bool_()
    if pat.is_integer(value):
        return pa.uint64() if value == pa.uint64() else pa.int64()
    return pa.float64() if pat.is_floating(value) else pa.string()


@dataclass
class SampleReader:
    """Reads views of a job; use as a context, which closes its files."""

    index: ViewIndex
    _open: OrderedDict[int, pa.NativeFile] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._face = lru_cache(1024)(self._read_face)
        types = {_free(column.name): _plain_type(column.type) for column in self.index.carried}
        self._texts = {name for name, kind in types.items() if kind == pa.string()}

    def __enter__(self) -> "SampleReader":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()

    def read(self, places: Sequence[int] | np.ndarray) -> Iterator[Sample]:
        """The views at some places of the index, in their order; from a store, by several threads."""
        if not any(is_uri(folder.location) for folder in self.index.folders):
            yield from map(self._sample, places)
            return
        yield from read_ahead(self._sample, places, _READERS)

    def _sample(self, place: int) -> Sample:
        index = self.index
        shard, face = int(index.shard[place]), int(index.face[place])
        record, view = self._face(shard, face), index.names[index.name[place]]
        offset, length = (int(number) for number in index.span[place])
        label = int(index.face_subject[face])
        columns = self._columns(record, view, label, mirrored=index.is_mirrored(face, view))
        if index.weight is not None:
            columns["weight"] = float(index.weight[place])
        return Sample(
            face_id=record["face_id"],
            subject=None if label < 0 else index.subjects[label],
            label=label,
            view=view,
            picture=self._bytes(shard, (offset, length)),
            columns=columns,
        )

    def _columns(self, record: dict[str, Any], view: str, label: int, *, mirrored: bool) -> dict[str, Any]:
        of_view = record["views"].get(view, {})
        carried = {_free(name): value for name, value in record["carried"].items()}
        for name in self._texts & carried.keys():
            if carried[name] is not None and not isinstance(carried[name], str):
                carried[name] = json.dumps(carried[name])
        return {
            "face_id": record["face_id"],
            "view": view,
            **({} if self.index.by is None else {"label": None if label < 0 else label}),
            **carried,
            "photo": record["image"],
            "view_yaw_deg": of_view.get("yaw_deg"),
            "mirrored": mirrored,
            "seen_fraction": of_view.get("seen_fraction"),
            "filled_fraction": of_view.get("filled_fraction"),
            **{name: record[name] for name in ("yaw_deg", "pitch_deg", "roll_deg", "rvec_rad", "tvec_mm")},
            "confidence": record["confidence"],
        }

    def _read_face(self, shard: int, face: int) -> dict[str, Any]:
        offset, length = (int(number) for number in self.index.face_span[face])
        record: dict[str, Any] = json.loads(self._bytes(shard, (offset, length)))
        return record

    def _bytes(self, shard: int, span: Span) -> bytes:
        offset, length = span
        name = self.index.shards[shard]
        try:
            data = patiently(lambda: self._file(shard).read_at(length, offset))
        except OSError as error:
            folder = self.index.folders[shard].location
            raise StorageError(f"cannot read {name!r} in {folder!r}: {error}") from error
        if len(data) < length:
            raise StorageError(f"{name!r} has changed while it was exported; run fpn verify")
        return bytes(data)

    def _file(self, shard: int) -> pa.NativeFile:
        with self._lock:
            if shard in self._open:
                self._open.move_to_end(shard)
            else:
                self._open[shard] = self.index.folders[shard].open(self.index.shards[shard])
                if len(self._open) > _OPEN_SHARDS:
                    self._open.popitem(last=False)
            return self._open[shard]
