"""Parquet manifests: a file, or a folder of files read in the order of their names."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pyarrow.types as pat

from pipeline.errors import ManifestError
from pipeline.io.storage import resolve
from pipeline.manifest.rows import BOX_COLUMNS, ColumnMap, Rows, Slice, landmarks_of
from pipeline.manifest.text import sha256_of_all


@dataclass(frozen=True)
class RowGroup:
    """Where a run of rows lies."""

    file: str
    index: int
    n_rows: int


@dataclass(frozen=True)
class ParquetManifest:
    """A Parquet manifest, known by its row groups."""

    location: str
    columns: ColumnMap
    groups: tuple[RowGroup, ...]
    carried_schema: pa.Schema
    sha256: str
    kind: str = "parquet"

    @property
    def n_rows(self) -> int:
        return sum(group.n_rows for group in self.groups)

    def slices(self, count: int) -> list[Slice]:
        return [Slice(row, min(count, self.n_rows - row)) for row in range(0, self.n_rows, count)]

    def read(self, part: Slice) -> Rows:
        names = tuple({*self.columns.source.values(), *self.columns.carried})
        ends = list(accumulate(group.n_rows for group in self.groups))
        pieces, row, left = [], part.start, part.count
        while left > 0:
            at = bisect_right(ends, row)
            group = self.groups[at]
            within = row - (ends[at] - group.n_rows)
            taken = min(left, group.n_rows - within)
            pieces.append(_read_group(group, names).slice(within, taken))
            row, left = row + taken, left - taken
        return self._rows(part.start, pa.concat_tables(pieces))

    def ids(self) -> Iterator[Sequence[str]]:
        name = self.columns.source["face_id"]
        # The other texts are read along, so that one that is no UTF-8 is found before a job begins.
        texts = {field.name for field in self.carried_schema if _is_text(field.type)}
        names = tuple(sorted({name, self.columns.source.get("image", name), *texts}))
        for group in self.groups:
            yield _texts(_read_group(group, names)[name])

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
            table.select(self.columns.carried).cast(self.carried_schema),
            landmarks_of(table[source["landmarks"]].to_pylist()) if "landmarks" in source else None,
        )


def read_schema(location: str) -> tuple[list[str], pa.Schema]:
    """The files of a Parquet manifest and their schema.

    Raises:
        ManifestError: no such file, no Parquet, an empty folder, or files that differ in their columns.
    """
    files = _files(location)
    schemas = [_open(file).schema_arrow.remove_metadata() for file in files]
    for file, schema in zip(files, schemas, strict=True):
        if not schema.equals(schemas[0]):
            raise ManifestError(
                f"{file} has other columns than {files[0]}: {schema} against {schemas[0]}; the files of a "
                "manifest have the same"
            )
    return files, schemas[0]


def index_parquet(
    location: str, files: Sequence[str], schema: pa.Schema, columns: ColumnMap, *, checksum: bool
) -> ParquetManifest:
    """Find the row groups of a Parquet manifest, check its types and take its checksum.

    Raises:
        ManifestError: a column of a type that the contract does not allow, or a damaged file.
    """
    _check_types(location, schema, columns)
    _read_group.cache_clear()  # a file of the same name may have changed since
    groups = tuple(group for file in files for group in _groups(file))
    carried = pa.schema([(name, _plain(schema.field(name).type)) for name in columns.carried])
    digest = sha256_of_all(files) if checksum else ""
    return ParquetManifest(location, columns, groups, carried, digest)


def _groups(file: str) -> list[RowGroup]:
    metadata = _open(file).metadata
    counts = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    if sum(counts) != metadata.num_rows or min(counts, default=0) < 0:
        raise ManifestError(
            f"{file} is damaged: its row groups have {sum(counts)} rows, the file says {metadata.num_rows}; "
            "write it again"
        )
    return [RowGroup(file, index, count) for index, count in enumerate(counts)]


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
        check("image_bytes", pat.is_binary(kind) or pat.is_large_binary(kind), "binary")
    if "landmarks" in types:
        kind = types["landmarks"]
        is_list = pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind)
        numbers = is_list and (pat.is_floating(kind.value_type) or pat.is_integer(kind.value_type))
        check("landmarks", numbers, "lists of 136 numbers")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind))


def _plain(kind: pa.DataType) -> pa.DataType:
    """A dictionary's own value type: dictionaries differ from part to part, values do not."""
    return kind.value_type if pat.is_dictionary(kind) else kind


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [text or "" for text in column.cast(pa.string()).to_pylist()]


def _files(location: str) -> list[str]:
    filesystem, path = resolve(location)
    info = filesystem.get_file_info(path)
    if info.type == pafs.FileType.NotFound:
        raise FileNotFoundError(location)
    if info.type == pafs.FileType.File:
        return [location]
    entries = filesystem.get_file_info(pafs.FileSelector(path))
    names = sorted(entry.base_name for entry in entries if entry.base_name.endswith(".parquet"))
    if not names:
        raise ManifestError(
            f"the folder {location!r} holds no .parquet file and no .tar file; name a manifest, or fpn "
            "manifest makes one of a folder of photos"
        )
    return [f"{location.rstrip('/')}/{name}" for name in names]


def _may_have_threads(filesystem: pafs.FileSystem) -> bool:
    """Not where Arrow asks Python for the bytes, as on stores that only fsspec knows: on threads of Arrow
    that may abort a program that ends in that moment; `pipeline.io.parquet.read_parquet` says why."""
    return not isinstance(filesystem, pafs.PyFileSystem)


def _open(file: str) -> pq.ParquetFile:
    filesystem, path = resolve(file)
    try:
        # What is fetched ahead is fetched on other threads.
        return pq.ParquetFile(path, filesystem=filesystem, pre_buffer=_may_have_threads(filesystem))
    except (pa.ArrowInvalid, OSError) as error:
        raise ManifestError(f"{file} is no readable Parquet file: {error}; write or copy it again") from error


# Parts are read in order, so a worker mostly finds its next slice in the row group that it read last.
@lru_cache(maxsize=1)
def _read_group(group: RowGroup, names: tuple[str, ...]) -> pa.Table:
    """Some columns of a row group.

    Raises:
        ManifestError: it cannot be read, has other rows than the file says, or text that is no UTF-8.
    """
    try:
        table = _open(group.file).read_row_group(
            group.index, columns=list(names), use_threads=_may_have_threads(resolve(group.file)[0])
        )
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).split())
        raise ManifestError(f"{group.file}: row group {group.index} cannot be read: {words}") from error
    if table.num_rows != group.n_rows:
        raise ManifestError(
            f"{group.file} is damaged: row group {group.index} has {table.num_rows} rows, its plan says "
            f"{group.n_rows}; was it changed while the job ran?"
        )
    return table
