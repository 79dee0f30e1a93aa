"""The members of a tar shard as this project writes them, found without a walk from one to the next."""

import io
import tarfile
from dataclasses import dataclass

import numpy as np

_BLOCK = tarfile.BLOCKSIZE
# The header of POSIX.1-1988 (ustar): name at byte 0, size at 124 in octal digits, "ustar" at 257.
_MAGIC, _MAGIC_AT, _NAME_BYTES = np.frombuffer(b"ustar", np.uint8), 257, 100
_SIZE = slice(124, 135)
_OCTAL = 8 ** np.arange(10, -1, -1, dtype=np.int64)


@dataclass(frozen=True)
class Members:
    """Members of a shard in their order."""

    names: list[str]
    offsets: np.ndarray
    """int64 (n,): bytes at which their contents begin."""
    sizes: np.ndarray
    """int64 (n,)."""


def header_blocks(piece: bytes | memoryview) -> tuple[np.ndarray, np.ndarray]:
    """The blocks of a piece of a shard, uint8 (n, 512), and those with the mark of a header, int64 (k,).

    A picture that has the mark at the right place counts as well.
    """
    blocks = np.frombuffer(piece, np.uint8, len(piece) // _BLOCK * _BLOCK).reshape(-1, _BLOCK)
    headers = np.flatnonzero(blocks[:, _MAGIC_AT] == _MAGIC[0])
    marks = blocks[headers, _MAGIC_AT : _MAGIC_AT + len(_MAGIC)]
    return blocks, headers[(marks == _MAGIC).all(axis=1)]


def header_names(piece: bytes | memoryview) -> bytes:
    """The names of the members whose headers are in a piece of a shard, 100 bytes each, zeros behind."""
    blocks, headers = header_blocks(piece)
    return blocks[headers, :_NAME_BYTES].tobytes()


def read_members(shard: bytes) -> Members:
    """The members of a whole shard.

    Example:
        members = read_members(shard)
        shard[members.offsets[0] : members.offsets[0] + members.sizes[0]]

    Raises:
        tarfile.TarError: it is none.
    """
    blocks, headers = header_blocks(shard)
    digits = blocks[headers, _SIZE].astype(np.int64) - ord("0")
    sizes = digits @ _OCTAL
    ends = headers + 1 + -(-sizes // _BLOCK)
    follow = np.array_equal(ends[:-1], headers[1:]) and (not len(headers) or headers[0] == 0)
    if not follow or not len(headers) or digits.min() < 0 or digits.max() > 7:
        return _walked(shard)
    names = [name.decode() for name in blocks[headers, :_NAME_BYTES].copy().view("S100").ravel().tolist()]
    return Members(names, (headers + 1) * _BLOCK, sizes)


def _walked(shard: bytes) -> Members:
    """The members one after the other, where marks do not give them."""
    with tarfile.open(fileobj=io.BytesIO(shard), mode="r:") as tar:
        members = list(tar)
    offsets, sizes = [m.offset_data for m in members], [m.size for m in members]
    return Members([m.name for m in members], np.array(offsets, np.int64), np.array(sizes, np.int64))
