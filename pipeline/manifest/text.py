"""CSV manifests, and the original's header-less list `FILE,x,y,w,h`.

A row is a line: slices are byte ranges, so that any of them is read without the rest. Values of carried
columns stay text, since a type guessed from one slice need not hold in the next. Lines end in a line feed, in
both carriage return and line feed, or in carriage returns alone.
"""

import csv
import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO

import numpy as np
import pyarrow as pa

from pipeline.errors import ManifestError
from pipeline.io.storage import resolve
from pipeline.manifest.pins import Pin, pin_file, unchanged
from pipeline.manifest.rows import BOX_COLUMNS, ColumnMap, Rows, Slice, landmarks_of
from pipeline.manifest.text_file import is_packed, opened_text, read_text
from pipeline.manifest.validate import IdsSeen

LIST_COLUMNS = ("image", *BOX_COLUMNS)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What bytes.strip() takes for blank. str.strip() takes more, and would so count other rows.
_BLANK = " \t\n\r\x0b\x0c"
# float() would also take "1_76" for 176, and digits of other scripts.
_NUMBER = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf|infinity)\s*", re.ASCII | re.IGNORECASE)
_HEADER_BYTES = 2**20
# The csv module refuses fields of more than 128 kB unless it is asked to take them.
LONGEST_FIELD = 2**27
csv.field_size_limit(LONGEST_FIELD)


@dataclass(frozen=True)
class TextManifest:
    """A CSV or list, indexed by lines."""

    location: str
    kind: str
    header: tuple[str, ...]
    columns: ColumnMap
    form: "_Header"
    pin: Pin
    n_rows: int
    sha256: str
    ids_seen: IdsSeen | None = None
    passed_over: tuple[tuple[str, int], ...] = ()

    @property
    def pins(self) -> tuple[Pin, ...]:
        return (self.pin,)

    @property
    def carried_schema(self) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in self.columns.carried])

    @property
    def holds_images(self) -> bool:
        return False

    def slices(self, count: int) -> list[Slice]:
        return self.cut(range(0, self.n_rows, count))

    def cut(self, starts: Sequence[int]) -> list[Slice]:
        begins: list[tuple[int, int]] = []
        end = self.form.data_start
        with unchanged(self.pins):
            for row, (begin, line) in enumerate(_data_lines(self.location, self.form)):
                if len(begins) < len(starts) and row == starts[len(begins)]:
                    begins.append((row, begin))
                end = begin + len(line)
        bounds = [*begins, (self.n_rows, end)]
        return [
            Slice(row, next_row - row, begin, next_begin - begin)
            for (row, begin), (next_row, next_begin) in pairwise(bounds)
        ]

    def read(self, part: Slice) -> Rows:
        with unchanged(self.pins):
            data = read_text(self.location, self.pin, part.offset, part.length, packed=self.form.packed)
            records = _records(data, self.location, part.start, self.form.line_end)
        if len(records) != part.count:
            raise ManifestError(
                f"{self.location} has {len(records)} rows from row {part.start} on, its plan says "
                f"{part.count}; was it changed while the job ran?"
            )
        return self._rows(part.start, records)

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

        texts = [column(name) for name in BOX_COLUMNS]
        box = np.array([[number(text) for text in values] for values in texts], dtype=np.float64)
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
            {
                i: written([values[i] for values in texts])
                for i in np.flatnonzero(~np.isfinite(box).all(axis=0)).tolist()
            },
        )

    def _landmarks(self, texts: Sequence[str]) -> np.ndarray:
        return landmarks_of([[number(word) for word in text.replace(";", " ").split()] for text in texts])


@dataclass(frozen=True)
class _Header:
    """What is to be known of a text file before its rows can be read."""

    names: tuple[str, ...]
    data_start: int
    """Byte at which the first row begins."""
    line_end: bytes
    packed: bool
    """Whether gzip packed it; bytes are counted as they are when it is unpacked."""
    is_list: bool = field(default=False)


def read_header(location: str, kind: str) -> _Header:
    """The column names of a text manifest and where its rows begin.

    Raises:
        ManifestError: no header, a binary file, or a header-less file of other than five columns.
    """
    with opened_text(location) as file:
        data = file.read(_HEADER_BYTES)
    packed = _is_packed(location)
    start = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    line_end = line_end_of(data)
    first, found, _ = data[start:].partition(line_end)
    if not first.strip():
        raise ManifestError(f"{location}: the first line is empty, expected a header or a row FILE,x,y,w,h")
    names = [name.strip() for name in _records(first, location, 0, line_end)[0]]
    looks_like_list = len(names) == len(LIST_COLUMNS) and all(not math.isnan(number(n)) for n in names[1:])
    if kind == "list" or (kind == "auto" and looks_like_list):
        if len(names) != len(LIST_COLUMNS):
            raise ManifestError(
                f"{location}: a list has the five columns FILE,x,y,w,h, found {len(names)}: {first!r}"
            )
        return _Header(LIST_COLUMNS, start, line_end, packed, is_list=True)
    return _Header(tuple(names), start + len(first) + len(found), line_end, packed)


def line_end_of(data: bytes) -> bytes:
    """What lines end in, by the beginning of a file: carriage returns alone only where nothing else is."""
    return b"\r" if b"\n" not in data and b"\r" in data else b"\n"


def _is_packed(location: str) -> bool:
    filesystem, path = resolve(location)
    with filesystem.open_input_file(path) as file:
        return is_packed(file, location)


def index_text(location: str, header: _Header, columns: ColumnMap, *, checksum: bool) -> TextManifest:
    """Count the rows of a text manifest and take its checksum.

    Raises:
        ManifestError: a quoted field that spans lines, or text that is no UTF-8.
    """
    pin = pin_file(location)
    with unchanged([pin]):
        n_rows = sum(1 for _ in _data_lines(location, header))
        digest = sha256_of(location) if checksum else ""
    kind = "list" if header.is_list else "csv"
    return TextManifest(location, kind, header.names, columns, header, pin, n_rows, digest)


def sha256_of(location: str) -> str:
    """SHA-256 of a file or object, read in pieces."""
    filesystem, path = resolve(location)
    digest = hashlib.sha256()
    with filesystem.open_input_stream(path, compression=None) as stream:
        while chunk := stream.read(2**22):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_all(locations: Sequence[str]) -> str:
    """SHA-256 of the SHA-256 sums of several files, in their order."""
    return hashlib.sha256("".join(map(sha256_of, locations)).encode()).hexdigest()


def _data_lines(location: str, header: _Header) -> Iterator[tuple[int, bytes]]:
    """Every line that holds a row, with the byte at which it begins."""
    begin = 0
    with opened_text(location) as file:
        for line in _lines(file, header.line_end):
            if begin >= header.data_start:
                if line.strip():
                    yield begin, line
            elif begin + len(line) > header.data_start:  # a byte order mark before a list
                yield header.data_start, line[header.data_start - begin :]
            begin += len(line)


def _lines(file: IO[bytes], line_end: bytes) -> Iterator[bytes]:
    """Lines with their ends."""
    if line_end == b"\n":
        yield from file
        return
    rest = b""
    while piece := file.read(_HEADER_BYTES):
        *lines, rest = (rest + piece).split(line_end)
        yield from (line + line_end for line in lines)
    if rest:
        yield rest


def _records(data: bytes, location: str, first_row: int, line_end: bytes) -> list[list[str]]:
    try:
        lines = data.decode("utf-8").split(line_end.decode())
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
            f"{location}: row {first_row + len(records)} is no CSV: {error}; correct the row, or use Parquet"
        ) from error
    return records


def number(text: str) -> float:
    """The number that a text is in plain decimal notation, else NaN.

    Example:
        number("1.5e2")  # 150.0
        number("1,5")  # nan
    """
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def written(values: Sequence[str]) -> str:
    """Texts as they are in the file, at a length that can be read.

    Example:
        written(["1_76", "1,5"])  # "'1_76', '1,5'"
    """
    return ", ".join(repr(value) if len(value) <= 40 else f"{value[:37]!r}..." for value in values)
