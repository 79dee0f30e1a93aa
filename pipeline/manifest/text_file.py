"""Text files as people keep tables in: packed by gzip or not, with lines that end in any way."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Any, cast

from pipeline.errors import ManifestError
from pipeline.io.storage import resolve
from pipeline.manifest.pins import Pin

_BUFFER = 2**20
_GZIP = b"\x1f\x8b"
_OTHER_PACKERS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip (or a spreadsheet)",
}


@contextmanager
def opened_text(location: str) -> Iterator[IO[bytes]]:
    """A text file to be read as bytes, unpacked where gzip packed it.

    Raises:
        FileNotFoundError: there is none.
        ManifestError: it is packed in another way, or damaged.
    """
    with _words_for_damage(location), _raw(location) as file:
        if is_packed(file, location):
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast(IO[bytes], unpacked)
        else:
            yield file


def read_text(location: str, pin: Pin, offset: int, length: int, *, packed: bool) -> bytes:
    """Some bytes of a text file, counted as they are when it is unpacked.

    A packed file can only be read from its start. It is kept open, since slices are read in order mostly.

    Raises:
        ManifestError: it ends before, or is damaged.
    """
    with _words_for_damage(location):
        if packed:
            file = _kept_open(location, pin)
            file.seek(offset)
            data = file.read(length)
        else:
            filesystem, path = resolve(location)
            with filesystem.open_input_file(path) as source:
                data = bytes(source.read_at(length, offset))
    if len(data) != length:
        raise ManifestError(
            f"{location} ends before byte {offset + length}; was it changed while the job ran?"
        )
    return data


def is_packed(file: IO[bytes], location: str) -> bool:
    """Whether gzip packed a file, which is at its start and stays there.

    Raises:
        ManifestError: something else packed it.
    """
    first = file.read(8)
    file.seek(0)
    for magic, name in _OTHER_PACKERS.items():
        if first.startswith(magic):
            raise ManifestError(f"{location} is packed by {name}; unpack it, or pack it by gzip")
    return first.startswith(_GZIP)


@lru_cache(maxsize=1)
def _kept_open(location: str, pin: Pin) -> gzip.GzipFile:
    """The file of a pin: a file that was written again is opened again."""
    filesystem, path = resolve(location)
    source = filesystem.open_input_file(path)
    return gzip.GzipFile(fileobj=io.BufferedReader(cast(Any, source), _BUFFER))


@contextmanager
def _raw(location: str) -> Iterator[IO[bytes]]:
    filesystem, path = resolve(location)
    with filesystem.open_input_file(path) as source, io.BufferedReader(source, _BUFFER) as file:
        yield file


@contextmanager
def _words_for_damage(location: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ManifestError(f"{location} is damaged: gzip says {error}; copy it again") from error
