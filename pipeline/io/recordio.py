"""RecordIO files of images (`.rec` with `.idx`), as MXNet and InsightFace's recognition datasets have them,
read and written without MXNet.

    record   magic 0xced7230a, uint32 with a 3-bit flag above a 29-bit length, data, zeros up to 4 bytes
    data     flag uint32, label float32, id uint64, id2 uint64; `flag` labels float32 if flag > 0; the image
    index    a line "key <tab> byte at which the record begins"

Data that holds the magic at a multiple of 4 bytes is cut there, the magic left out, and written as several
records with the flags 1, 2, ... 2, 3 instead of 0.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from faceposenet.photo.byte_ranges import Span

MAGIC = struct.pack("<I", 0xCED7230A)
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_LENGTH_BITS = 29
_LABEL_HEADER = struct.Struct("<IfQQ")
# More labels than any dataset has; a damaged header could ask for gigabytes.
_MOST_LABELS = 2**16


class RecordError(Exception):
    """Bytes that are no record."""


@dataclass(frozen=True)
class ImageRecord:
    """A record without its image: where that lies in the file."""

    labels: tuple[float, ...]
    is_plain: bool
    """Whether the label is the header's own, as it is of images; else labels follow the header."""
    id: int
    image: tuple[Span, ...]
    """The spans of the file that make up the encoded image; none where the record has no image."""
    end: int
    """Where the next record begins."""


def read_image_record(file: BinaryIO, offset: int) -> ImageRecord:
    """The record that begins at a byte of a file.

    Raises:
        RecordError: no record begins there, or it is cut off.
    """
    spans, end = _data_spans(file, offset)
    flag, label, number, _ = _LABEL_HEADER.unpack(_read_start(file, spans, _LABEL_HEADER.size))
    if flag > _MOST_LABELS:
        raise RecordError(f"the record at byte {offset} says that it has {flag} labels")
    start = _LABEL_HEADER.size + 4 * flag
    labels: tuple[float, ...] = (label,)
    if flag:
        labels = struct.unpack(f"<{flag}f", _read_start(file, spans, start)[_LABEL_HEADER.size :])
    return ImageRecord(labels, flag == 0, number, _without_start(spans, start), end)


def _data_spans(file: BinaryIO, offset: int) -> tuple[list[Span], int]:
    """Where the data of a record lies: its pieces, and between them the magic that had been left out."""
    spans: list[Span] = []
    at = offset
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[:4] != MAGIC:
            raise RecordError(
                f"no record begins at byte {at}: found {head.hex(' ') or 'the end of the file'}"
            )
        (word,) = struct.unpack("<I", head[4:])
        piece, length = word >> _LENGTH_BITS, word & (1 << _LENGTH_BITS) - 1
        if piece > _LAST or (piece in (_MIDDLE, _LAST)) != bool(spans):
            raise RecordError(f"the record at byte {offset} has its piece {piece} in the wrong place")
        if spans:
            spans.append((at, len(MAGIC)))
        spans.append((at + 8, length))
        at += 8 + -(-length // 4) * 4
        if piece in (_WHOLE, _LAST):
            return spans, at


def _read_start(file: BinaryIO, spans: Sequence[Span], count: int) -> bytes:
    data = b""
    for offset, length in spans:
        if len(data) == count:
            break
        file.seek(offset)
        data += file.read(min(length, count - len(data)))
    if len(data) < count:
        raise RecordError(f"the record at byte {spans[0][0] - 8} has no image header, or is cut off")
    return data


def _without_start(spans: Sequence[Span], count: int) -> tuple[Span, ...]:
    left = []
    for offset, length in spans:
        skipped = min(count, length)
        count -= skipped
        if length > skipped:
            left.append((offset + skipped, length - skipped))
    return tuple(left)


@dataclass
class RecordWriter:
    """Writes records to `.rec` and their places to `.idx`, both opened for bytes."""

    records: BinaryIO
    index: BinaryIO
    _at: int = field(default=0, init=False)

    def write(self, key: int, labels: float | Sequence[float], image: bytes) -> None:
        """Write one record. A single label stands in the header, several follow it.

        Raises:
            RecordError: an image of 512 MB or more.
        """
        if isinstance(labels, int | float):
            data = _LABEL_HEADER.pack(0, labels, key, 0) + image
        else:
            head = _LABEL_HEADER.pack(len(labels), 0.0, key, 0)
            data = head + struct.pack(f"<{len(labels)}f", *labels) + image
        record = frame(data)
        self.index.write(f"{key}\t{self._at}\n".encode())
        self.records.write(record)
        self._at += len(record)


def frame(data: bytes) -> bytes:
    """Data as a record.

    Raises:
        RecordError: data of 512 MB or more.
    """
    if len(data) >= 1 << _LENGTH_BITS:
        raise RecordError(f"{len(data)} bytes are too many for a record: its length has {_LENGTH_BITS} bits")
    pieces = _cut_at_magic(data)
    flags = [_WHOLE] if len(pieces) == 1 else [_FIRST, *[_MIDDLE] * (len(pieces) - 2), _LAST]
    return b"".join(
        MAGIC + struct.pack("<I", flag << _LENGTH_BITS | len(piece)) + piece + bytes(-len(piece) % 4)
        for flag, piece in zip(flags, pieces, strict=True)
    )


def _cut_at_magic(data: bytes) -> list[bytes]:
    pieces, start, at = [], 0, data.find(MAGIC)
    while at >= 0:
        if at % 4:
            at = data.find(MAGIC, at + 1)
            continue
        pieces.append(data[start:at])
        start = at + len(MAGIC)
        at = data.find(MAGIC, start)
    return [*pieces, data[start:]]
