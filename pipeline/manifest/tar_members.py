"""The members of a tar file, all of them or an error.

Python's `tarfile` takes a damaged header, a block of zeros or the end of the file for the end of the archive
and says nothing. Here the place where it stopped is compared with the size of the file.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ManifestError
from pipeline.io.storage import resolve

_BLOCK = tarfile.BLOCKSIZE
# Writers pad archives with zeros to whole records: of 10 kB by custom, of 1 MB at most.
_MOST_PADDING = 2**21
_CHUNK = 2**20


@dataclass(frozen=True)
class Member:
    """A member of a tar file, and where it lies."""

    name: str
    offset: int
    """Where its header begins; the long name that may stand before it belongs to it."""
    data_offset: int
    size: int
    kind: str
    """`file`, `folder`, or what else it is in words."""


class ForwardReader(io.RawIOBase):
    """Reads a file mostly forwards, in large pieces, and can sum up all of it on the way.

    Stores answer few large reads sooner than many small ones. With `digest` no byte is left out.
    """

    def __init__(self, source: Any, digest: Any = None) -> None:
        """`source`: a `pyarrow.NativeFile`; `digest`: of `hashlib`, to be fed with every byte."""
        super().__init__()
        self._source = source
        self.size = int(source.size())
        self._digest = digest
        self._fed = 0
        self._at = 0
        self._start = 0
        self._chunk = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        pieces = []
        while wanted > 0:
            if not self._start <= self._at < self._start + len(self._chunk):
                self._load()
            piece = self._chunk[self._at - self._start :][:wanted]
            if not piece:
                break
            pieces.append(piece)
            self._at += len(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def drain(self) -> None:
        """Feed the digest with what is left."""
        while self._digest is not None and self._fed < self.size:
            self._feed_to(min(self.size, self._fed + _CHUNK))

    def _load(self) -> None:
        """Have the piece that begins a little before the present place: readers step back by a byte."""
        start = max(0, self._at - _BLOCK)
        while self._digest is not None and self._fed < start:
            self._feed_to(min(start, self._fed + _CHUNK))
        self._start, self._chunk = start, self._source.read_at(min(_CHUNK, self.size - start), start)
        end = start + len(self._chunk)
        if self._digest is not None and end > self._fed:
            self._digest.update(self._chunk[self._fed - start :])
            self._fed = end

    def _feed_to(self, end: int) -> None:
        piece = self._source.read_at(end - self._fed, self._fed)
        if not piece:
            raise OSError(f"it ends at byte {self._fed}, not at {self.size}")
        self._digest.update(piece)
        self._fed += len(piece)


def members(shard: str, start: int = 0, digest: Any = None) -> Iterator[tuple[Member, ForwardReader]]:
    """The members of a tar file from a header on, each with the file, from which its data may be read.

    Example:
        for member, file in members("shard.tar"):
            file.seek(member.data_offset)
            data = file.read(member.size)

    Args:
        shard: Location of the file.
        start: Byte at which a header begins.
        digest: A hash of `hashlib` that gets all bytes of the file; for reading from its start on.

    Raises:
        ManifestError: the file is no tar, is damaged or cut off, or has more behind its end.
    """
    filesystem, path = resolve(shard)
    with filesystem.open_input_file(path) as source:
        file = ForwardReader(source, digest)
        if file.size < 2 * _BLOCK:
            raise ManifestError(f"{shard} is no whole tar file: it has {file.size} bytes; copy it again")
        file.seek(start)
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                while (info := tar.next()) is not None:
                    tar.members = []  # type: ignore[attr-defined]  # else it keeps every header
                    _check_whole(shard, info, file.size)
                    yield _member(info), file
                end = tar.offset
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise ManifestError(f"{shard} is no whole tar file: {error}; copy it again") from error
        _check_end(shard, file, end)
        file.drain()


def check_tail(shard: str) -> None:
    """See at once whether a shard was cut off: it lacks the zeros at its end then.

    Raises:
        ManifestError: they are not there.
    """
    filesystem, path = resolve(shard)
    with filesystem.open_input_file(path) as file:
        size = file.size()
        end = file.read_at(min(size, 2 * _BLOCK), max(0, size - 2 * _BLOCK))
    if len(end) < 2 * _BLOCK or any(end):
        raise ManifestError(f"{shard} is no whole tar file: it lacks the end of an archive; copy it again")


def sha256_of_digests(digests: list[str]) -> str:
    """SHA-256 of the SHA-256 sums of several files, in their order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _member(info: tarfile.TarInfo) -> Member:
    # Bytes of a name that are no UTF-8 are shown as \xff, since results are text.
    name = info.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if info.isdir():
        kind = "folder"
    elif info.issym() or info.islnk():
        kind = "link"
    else:
        kind = "file" if info.isreg() and not info.issparse() else "special file"
    return Member(name, info.offset, info.offset_data, info.size, kind)


def _check_whole(shard: str, info: tarfile.TarInfo, size: int) -> None:
    if info.isreg() and info.offset_data + info.size > size:
        raise ManifestError(
            f"{shard} is no whole tar file: {info.name!r} would end at byte {info.offset_data + info.size}, "
            f"the file ends at {size}; copy it again"
        )


def _check_end(shard: str, file: ForwardReader, end: int) -> None:
    """Only zeros may follow the last member: at least two blocks of them."""
    if file.size - end < 2 * _BLOCK:
        raise ManifestError(
            f"{shard} is no whole tar file: it lacks the end of an archive (1024 zeros); copy it again"
        )
    if file.size - end > _MOST_PADDING:
        at = _first_data(file, end, end + _MOST_PADDING)
        if at is None:
            raise ManifestError(
                f"{shard} is no whole tar file: from byte {end} on it has more than {_MOST_PADDING} zeros, "
                "as a copy has that was not finished; copy it again"
            )
    else:
        at = _first_data(file, end, file.size)
    if at is None:
        return
    if at - end < 2 * _BLOCK:
        raise ManifestError(
            f"{shard} is damaged: no header of a member begins at byte {end}, where one should; copy it again"
        )
    raise ManifestError(
        f"{shard} goes on after the end of its archive: at byte {end} the end is marked, at byte {at} there "
        "is more. It is damaged, or several archives were joined: use them one by one, or join them with "
        "tar --concatenate"
    )


def _first_data(file: ForwardReader, start: int, stop: int) -> int | None:
    """The first byte in a range that is not zero."""
    file.seek(start)
    at = start
    while at < stop:
        piece = file.read(min(_CHUNK, stop - at))
        if not piece:
            return None
        left = piece.lstrip(b"\0")
        if left:
            return at + len(piece) - len(left)
        at += len(piece)
    return None
