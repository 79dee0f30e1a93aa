"""CSV manifests, and the original's header-less list `FILE,x,y,w,h`.

A row is a line: slices are byte ranges, so that any of them is read without the rest. Values of carried
columns stay text, since a type guessed from one slice need not hold in the next.
"""

import csv
import hashlib
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipeline.errors import ManifestError
from pipeline.io.storage import read_file, resolve
from pipeline.manifest.rows import BOX_COLUMNS, ColumnMap, Rows, Slice, landmarks_of

LIST_COLUMNS = ("image", *BOX_COLUMNS)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What bytes.strip() takes for blank. str.strip() takes more, and would so count other rows.
_BLANK = " \t\n\r\x0b\x0c"


@dataclass(frozen=True)
class TextManifest:
    """A CSV or list, indexed by lines."""

    location: str
    kind: str
    header: tuple[str, ...]
    columns: ColumnMap
    data_start: int
    """Byte at which the first row begins."""
    n_rows: int
    sha256: str

    @property
    def carried_schema(self) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self.columns.carried])

    def slices(self, count: int) -> list[Slice]:
        starts, end = [], self.data_start
        for row, (begin, line) in enumerate(_data_lines(self.location, self.data_start)):
            if row % count == 0:
                starts.append((row, begin))
            end = begin + len(line)
        bounds = [*starts, (self.n_rows, end)]
        return [
            Slice(row, next_row - row, begin, next_begin - begin)
            for (row, begin), (next_row, next_begin) in pairwise(bounds)
        ]

    def read(self, part: Slice) -> Rows:
        filesystem, path = resolve(self.location)
        with filesystem.open_input_file(path) as file:
            data = file.read_at(part.length, part.offset)
        return self._rows(part.start, _records(data, self.location, part.start))

    def ids(self) -> Iterator[Sequence[str]]:
        for part in self.slices(50_000):
            yield self.read(part).face_id

    def _rows(self, start: int, records: list[list[str]]) -> Rows:
        width = len(self.header)
        malformed = {
            i: f"the row has {len(record)} fields, the header {width}"
            for i, record in enumerate(records)
            if len(record) != width
        }
        padded = [(record + [""] * width)[:width] for record in records]
        by_name = dict(zip(self.header, zip(*padded, strict=True), strict=True)) if padded else {}

        def column(name: str) -> Sequence[str]:
            return by_name.get(self.columns.source.get(name, ""), ())

        box = np.array([[_number(text) for text in column(name)] for name in BOX_COLUMNS], dtype=np.float64)
        ids = (
            list(column("face_id"))
            if self.kind == "csv"
            else [f"{start + i:09d}" for i in range(len(records))]
        )
        carried = {name: pa.array(by_name.get(name, ()), pa.string()) for name in self.columns.carried}
        carried_table = pa.table(carried) if carried else pa.table({"": pa.nulls(len(records))}).select([])
        return Rows(
            list(range(start, start + len(records))),
            ids,
            [image.strip() for image in column("image")],
            None,
            box.T.reshape(-1, 4),
            malformed,
            carried_table,
            self._landmarks(column("landmarks")) if "landmarks" in self.columns.source else None,
        )

    def _landmarks(self, texts: Sequence[str]) -> np.ndarray:
        return landmarks_of([[_number(word) for word in text.replace(";", " ").split()] for text in texts])


@dataclass
class _Header:
    names: tuple[str, ...]
    data_start: int
    is_list: bool = field(default=False)


def read_header(location: str, kind: str) -> _Header:
    """The column names of a text manifest and where its rows begin.

    Raises:
        ManifestError: no header, a binary file, or a header-less file of other than five columns.
    """
    data = read_file(location, max_bytes=2**20)
    start = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    first, newline, _ = data[start:].partition(b"\n")
    if not first.strip():
        raise ManifestError(f"{location}: the first line is empty, expected a header or a row FILE,x,y,w,h")
    names = [name.strip() for name in _records(first, location, 0)[0]]
    looks_like_list = len(names) == len(LIST_COLUMNS) and all(not math.isnan(_number(n)) for n in names[1:])
    if kind == "list" or (kind == "auto" and looks_like_list):
        if len(names) != len(LIST_COLUMNS):
            raise ManifestError(
                f"{location}: a list has the five columns FILE,x,y,w,h, found {len(names)}: {first!r}"
            )
        return _Header(LIST_COLUMNS, start, is_list=True)
    return _Header(tuple(names), start + len(first) + len(newline))


def index_text(location: str, header: _Header, columns: ColumnMap, *, checksum: bool) -> TextManifest:
    """Count the rows of a text manifest and take its checksum.

    Raises:
        ManifestError: a quoted field that spans lines, or text that is no UTF-8.
    """
    n_rows = sum(1 for _ in _data_lines(location, header.data_start))
    kind = "list" if header.is_list else "csv"
    digest = sha256_of(location) if checksum else ""
    return TextManifest(location, kind, header.names, columns, header.data_start, n_rows, digest)


def sha256_of(location: str) -> str:
    """SHA-256 of a file or object, read in pieces."""
    filesystem, path = resolve(location)
    digest = hashlib.sha256()
    with filesystem.open_input_stream(path) as stream:
        while chunk := stream.read(2**22):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_all(locations: Sequence[str]) -> str:
    """SHA-256 of the SHA-256 sums of several files, in their order."""
    return hashlib.sha256("".join(map(sha256_of, locations)).encode()).hexdigest()


def _data_lines(location: str, data_start: int) -> Iterator[tuple[int, bytes]]:
    """Every line that holds a row, with the byte at which it begins."""
    filesystem, path = resolve(location)
    with filesystem.open_input_file(path) as source, io.BufferedReader(source, 2**20) as file:
        file.seek(data_start)
        begin = data_start
        for line in file:
            if line.strip():
                yield begin, line
            begin += len(line)


def _records(data: bytes, location: str, first_row: int) -> list[list[str]]:
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{location}: near row {first_row}: byte {data[error.start]:#04x} is no UTF-8; save the manifest "
            "as UTF-8"
        ) from error
    lines = [line.rstrip("\r") for line in lines if line.strip(_BLANK)]
    records: list[list[str]] = []
    reader = csv.reader(lines)
    try:
        for record in reader:
            records.append(record)
            if reader.line_num != len(records):
                raise ManifestError(
                    f"{location}: row {first_row + len(records) - 1} has a quote that does not close on its "
                    "line; a row is one line here: remove the line break or the stray quote, or use Parquet"
                )
    except csv.Error as error:
        raise ManifestError(
            f"{location}: row {first_row + len(records)} is no CSV: {error}; mend the row, or use Parquet"
        ) from error
    return records


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
