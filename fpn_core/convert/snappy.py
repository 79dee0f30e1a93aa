"""Snappy's raw format, which tables of TensorFlow may be compressed with; reading only.

https://github.com/google/snappy/blob/main/format_description.txt
"""

from fpn_core.convert.wire import read_varint
from fpn_core.errors import CheckpointError

_LITERAL, _COPY_1, _COPY_2 = 0, 1, 2
_INLINE_LENGTHS = 60


def decompress(data: memoryview) -> memoryview:
    """Decompresses a block. Raises CheckpointError for data that are not Snappy."""
    size, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == _LITERAL:
            length = (tag >> 2) + 1
            if length > _INLINE_LENGTHS:
                # The length follows, in as many bytes as it is beyond the inline ones.
                wide = length - _INLINE_LENGTHS
                length = int.from_bytes(data[at : at + wide], "little") + 1
                at += wide
            out += data[at : at + length]
            at += length
        else:
            length, offset, at = _copy(data, tag, at)
            _repeat(out, length, offset)
        if len(out) > size or at > len(data):
            break
    if len(out) != size or at != len(data):
        raise CheckpointError(
            f"a compressed block of the checkpoint gives {len(out)} bytes and should give {size}; the file is"
            " damaged. Copy it again."
        )
    return memoryview(bytes(out))


def _copy(data: memoryview, tag: int, at: int) -> tuple[int, int, int]:
    """Length and offset of a copy, and the place after it."""
    if tag & 3 == _COPY_1:
        low = data[at] if at < len(data) else 0
        return ((tag >> 2) & 7) + 4, (tag >> 5) << 8 | low, at + 1
    wide = 2 if tag & 3 == _COPY_2 else 4
    return (tag >> 2) + 1, int.from_bytes(data[at : at + wide], "little"), at + wide


def _repeat(out: bytearray, length: int, offset: int) -> None:
    """Appends what stands `offset` before the end; a copy may reach into what it appends itself."""
    if not 0 < offset <= len(out):
        raise CheckpointError(
            f"a compressed block of the checkpoint refers {offset} bytes back after {len(out)}; the file is"
            " damaged. Copy it again."
        )
    start = len(out) - offset
    piece = bytes(out[start : start + length])
    while len(piece) < length:
        piece += piece[: length - len(piece)]
    out += piece
