"""The sorted tables (of the LevelDB kind) in which TensorFlow keeps both versions of its checkpoints."""

import struct
from collections.abc import Iterator

from fpn_core.convert.crc32c import crc32c, unmask
from fpn_core.convert.snappy import decompress
from fpn_core.convert.wire import read_varint
from fpn_core.errors import CheckpointError

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_SNAPPY = 1


def read_table(file: memoryview, source: str) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values of a table file in their order.

    Raises CheckpointError for a file that is not a table, or is cut short or changed: every block is held
    against its checksum.
    """
    if len(file) < _FOOTER_BYTES or struct.unpack_from("<Q", file, len(file) - 8)[0] != _MAGIC:
        raise CheckpointError(
            f"{source} ({len(file)} bytes) does not end as a checkpoint of TensorFlow does; it is cut short,"
            " or another file. Copy it again, and compare its size with the original's."
        )
    at = len(file) - _FOOTER_BYTES
    for _ in range(2):  # the block of filters, which these tables do not use
        _, at = read_varint(file, at)
    for _, handle in _read_block(file, *_handle(file[at:]), source):
        yield from _read_block(file, *_handle(handle), source)


def _handle(data: memoryview) -> tuple[int, int]:
    """Offset and size of a block."""
    offset, at = read_varint(data, 0)
    size, _ = read_varint(data, at)
    return offset, size


def _read_block(file: memoryview, offset: int, size: int, source: str) -> Iterator[tuple[bytes, memoryview]]:
    if size < 4 or offset + size + _TRAILER_BYTES > len(file):
        raise CheckpointError(
            f"{source} names a block of {size} bytes at {offset}, but has {len(file)} bytes; it is damaged."
            " Copy it again."
        )
    block, compression = file[offset : offset + size], file[offset + size]
    stored = struct.unpack_from("<I", file, offset + size + 1)[0]
    if crc32c(file[offset : offset + size + 1]) != unmask(stored):
        raise CheckpointError(f"the block at {offset} of {source} fails its checksum. Copy the file again.")
    if compression == _SNAPPY:
        block = decompress(block)
    elif compression:
        raise CheckpointError(
            f"{source} has blocks compressed in the way {compression}, which no version of TensorFlow writes."
        )
    size = len(block)
    if size < 4 or size < 4 + 4 * struct.unpack_from("<I", block, size - 4)[0]:
        raise CheckpointError(f"the block at {offset} of {source} is cut short. Copy the file again.")
    restarts = struct.unpack_from("<I", block, size - 4)[0]
    end = size - 4 - 4 * restarts
    at, key = 0, b""
    while at < end:
        # Keys are stored as what they do not share with the key before.
        shared, at = read_varint(block, at)
        own, at = read_varint(block, at)
        length, at = read_varint(block, at)
        if at + own + length > end:
            raise CheckpointError(f"an entry of {source} is cut short; the file is damaged. Copy it again.")
        key = key[:shared] + bytes(block[at : at + own])
        yield key, block[at + own : at + own + length]
        at += own + length
