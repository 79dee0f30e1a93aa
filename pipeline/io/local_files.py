"""Local files: written whole or not at all, created once, and read only where they are files."""

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.io.byte_ranges import Span


def read_local(path: Path, limit: int | None, spans: Sequence[Span]) -> bytes:
    """The bytes of a local file, or of some spans of it; at most `limit`.

    Raises:
        OSError: it is no regular file (a pipe would block for ever), or cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"'{path}' is no regular file")
    with path.open("rb") as file:
        if spans:
            return read_spans(file, str(path), spans, limit)
        return file.read(-1 if limit is None else limit)


def read_spans(file: Any, path: str, spans: Sequence[Span], limit: int | None) -> bytes:
    """Some spans of an open file, put together; at most `limit` bytes.

    Raises:
        OSError: the file ends before.
    """
    data = b""
    for offset, length in spans:
        wanted = length if limit is None else min(length, limit - len(data))
        file.seek(offset)
        piece = file.read(wanted)
        if len(piece) < wanted:
            raise OSError(f"'{path}' ends before byte {offset + wanted}")
        data += piece
    return data


def write_local(path: Path, data: bytes) -> None:
    """Write a whole file, replacing one of the same name."""
    with _written_aside(path, data) as temporary:
        temporary.replace(path)


def create_local(path: Path, data: bytes) -> bool:
    """Write a whole file unless there is one of the same name; says whether it was written."""
    with _written_aside(path, data) as temporary:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            return _create_without_links(path, data)
        finally:
            temporary.unlink(missing_ok=True)
    return True


def _create_without_links(path: Path, data: bytes) -> bool:
    try:
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    return True


@contextmanager
def _written_aside(path: Path, data: bytes) -> Iterator[Path]:
    """A temporary file beside `path`, with the data on the disk; gone where the work with it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; results get what the user's umask gives.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        yield Path(temporary)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
