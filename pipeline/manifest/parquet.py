"""Parquet manifests: a file, or a folder of files read in the order of their names."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pat

from pipeline.errors import ManifestError
from pipeline.manifest.folder import files_in
from pipeline.manifest.parquet_rows import RowGroup, RowReader, open_parquet
from pipeline.manifest.pins import Pin, pin_files, unchanged
from pipeline.manifest.rows import BOX_COLUMNS, ColumnMap, Rows, Slice, landmarks_of
from pipeline.manifest.text import sha256_of_all
from pipeline.manifest.validate import IdsSeen


@dataclass(frozen=True)
class ParquetManifest:
    """A Parquet manifest, known by its row groups."""

    location: str
    columns: ColumnMap
    groups: tuple[RowGroup, ...]
    pins: tuple[Pin, ...]
    carried_schema: pa.Schema
    sha256: str
    n_rows: int
    kind: str = "parquet"
    ids_seen: IdsSeen | None = None
    passed_over: tuple[tuple[str, int], ...] = ()

    @property
    def holds_images(self) -> bool:
        return "image_bytes" in self.columns.source

    def slices(self, count: int) -> list[Slice]:
        return self.cut(range(0, self.n_rows, count))

    def cut(self, starts: Sequence[int]) -> list[Slice]:
        return [Slice(row, stop - row) for row, stop in pairwise([*starts, self.n_rows])]

    def read(self, part: Slice) -> Rows:
        names = tuple(sorted({*self.columns.source.values(), *self.columns.carried}))
        with unchanged(self._pins_of(part)):
            table = _reader(self.groups, names, "image_bytes" in self.columns.source).read(
                part.start, part.count
            )
        return self._rows(part.start, table)

    def ids(self) -> Iterator[Sequence[str]]:
        name = self.columns.source["face_id"]
        # The other texts are read along, so that one that is no UTF-8 is found before a job begins.
        texts = {field.name for field in self.carried_schema if _is_text(field.type)}
        names = tuple(sorted({name, self.columns.source.get("image", name), *texts}))
        with unchanged(self.pins):
            for table in RowReader(self.groups, names).all_tables():
                yield _texts(table[name])

    def _pins_of(self, part: Slice) -> list[Pin]:
        """The files that a slice lies in."""
        pins, row = [], 0
        for group in self.groups:
            if row < part.start + part.count and row + group.n_rows > part.start:
                pins.append(group.pin)
            row += group.n_rows
        return list(dict.fromkeys(pins))

    def _rows(self, start: int, table: pa.Table) -> Rows:
        source = self.columns.source
        # Whole numbers above 2^53 are rounded: no such box lies in a photo.
        numbers = [table[source[name]].cast(pa.float64(), safe=False) for name in BOX_COLUMNS]
        box = [column.to_numpy(zero_copy_only=False) for column in numbers]
        images = _texts(table[source["image"]]) if "image" in source else [""] * len(table)
        encoded = table[source["image_bytes"]].to_pylist() if "image_bytes" in source else None
        return Rows(
            list(range(start, start + len(table))),
            _texts(table[source["face_id"]]),
            images,
            None if encoded is None else [data or b"" for data in encoded],
            np.stack(box, axis=1),
            {},
            _as_carried(table, self.carried_schema),
            landmarks_of(table[source["landmarks"]].to_pylist()) if "landmarks" in source else None,
        )


# Parts are read in order, so a worker mostly goes on where its last slice ended.
@lru_cache(maxsize=1)
def _reader(groups: tuple[RowGroup, ...], names: tuple[str, ...], holds_photos: bool) -> RowReader:
    return RowReader(groups, names, holds_photos)


def read_schema(location: str) -> tuple[tuple[Pin, ...], pa.Schema, Counter[str]]:
    """The files of a Parquet manifest, their schema, and the other files of their folder by their endings.

    Raises:
        ManifestError: no such file, no Parquet, an empty folder, or files that differ in their columns.
    """
    files, others = files_in(location, ".parquet")
    if not files:
        raise ManifestError(
            f"the folder {location!r} holds no .parquet file and no .tar file; name a manifest, or fpn "
            "manifest makes one of a folder of photos"
        )
    pins = pin_files(files)
    schemas = [open_parquet(pin).schema_arrow.remove_metadata() for pin in pins]
    for pin, schema in zip(pins, schemas, strict=True):
        if not schema.equals(schemas[0]):
            raise ManifestError(
                f"{pin.location} has other columns than {pins[0].location}: {schema} against {schemas[0]}; "
                "the files of a manifest have the same"
            )
    return pins, schemas[0], others


def index_parquet(
    location: str,
    pins: tuple[Pin, ...],
    schema: pa.Schema,
    columns: ColumnMap,
    passed_over: Counter[str],
    *,
    checksum: bool,
) -> ParquetManifest:
    """Find the row groups of a Parquet manifest, check its types and take its checksum.

    Raises:
        ManifestError: a column of a type that the contract does not allow, or a damaged file.
    """
    _check_types(location, schema, columns)
    with unchanged(pins):
        groups = tuple(group for pin in pins for group in _groups(pin))
        digest = sha256_of_all([pin.location for pin in pins]) if checksum else ""
    carried = pa.schema([(name, _plain(schema.field(name).type)) for name in columns.carried])
    n_rows = sum(group.n_rows for group in groups)
    others = tuple(sorted(passed_over.items()))
    return ParquetManifest(location, columns, groups, pins, carried, digest, n_rows, passed_over=others)


def _groups(pin: Pin) -> list[RowGroup]:
    metadata = open_parquet(pin).metadata
    counts = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    if sum(counts) != metadata.num_rows or min(counts, default=0) < 0:
        raise ManifestError(
            f"{pin.location} is damaged: its row groups have {sum(counts)} rows, the file says "
            f"{metadata.num_rows}; write it again"
        )
    for index, count in enumerate(counts):
        _check_columns(pin, metadata, index, count)
    return [RowGroup(pin, index, count) for index, count in enumerate(counts)]


def _check_columns(pin: Pin, metadata: pq.FileMetaData, index: int, count: int) -> None:
    """See that the columns of a row group have as many values as it has rows; of lists there may be more."""
    group = metadata.row_group(index)
    for number in range(group.num_columns):
        if metadata.schema.column(number).max_repetition_level == 0:
            values = group.column(number).num_values
            if values != count:
                raise ManifestError(
                    f"{pin.location} is damaged: row group {index} has {count} rows, its column "
                    f"{group.column(number).path_in_schema!r} {values}; write it again"
                )


def _as_carried(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The carried columns as they are, but dictionaries by their values. Arrow damages some nested columns
    when it casts them, even to their own type."""
    columns = [table[field.name] for field in schema]
    return pa.table(
        [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(columns, schema, strict=True)
        ],
        schema,
    )


def _check_types(location: str, schema: pa.Schema, columns: ColumnMap) -> None:
    def check(name: str, allowed: bool, expected: str) -> None:
        if not allowed:
            kind = schema.field(columns.source[name]).type
            raise ManifestError(
                f"{location}: column {columns.source[name]!r} must be {expected}, but is {kind}"
            )

    types = {name: _plain(schema.field(source).type) for name, source in columns.source.items()}
    check("face_id", _is_text(types["face_id"]) or pat.is_integer(types["face_id"]), "text or whole numbers")
    for name in BOX_COLUMNS:
        kind = types[name]
        check(name, pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind), "numbers (pixels)")
    if "image" in types:
        check("image", _is_text(types["image"]), "text (a path or URI)")
    if "image_bytes" in types:
        kind = types["image_bytes"]
        is_binary = pat.is_binary(kind) or pat.is_large_binary(kind) or pat.is_binary_view(kind)
        check("image_bytes", is_binary, "binary")
    if "landmarks" in types:
        kind = types["landmarks"]
        is_list = pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind)
        numbers = is_list and (pat.is_floating(kind.value_type) or pat.is_integer(kind.value_type))
        check("landmarks", numbers, "lists of 136 numbers")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_string_view(kind))


def _plain(kind: pa.DataType) -> pa.DataType:
    """A dictionary's own value type: dictionaries differ from part to part, values do not."""
    return kind.value_type if pat.is_dictionary(kind) else kind


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [text or "" for text in column.cast(pa.string()).to_pylist()]
