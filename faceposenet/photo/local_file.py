"""The bytes of a local file, or of spans of it."""

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faceposenet.photo.byte_ranges import Span


def read_local(path: Path, limit: int | None = None, spans: Sequence[Span] = ()) -> bytes:
    """Reads a local file, or spans of it, up to `limit` bytes.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it is not a regular file (a pipe would block for ever), or ends before a span does.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"'{path}' is not a regular file")
    with path.open("rb") as file:
        if spans:
            return read_spans(file, str(path), spans, limit)
        return file.read(-1 if limit is None else limit)


def read_spans(file: Any, path: str, spans: Sequence[Span], limit: int | None) -> bytes:
    """Reads spans of an open file that can seek, one after the other, up to `limit` bytes in total.

    Raises:
        OSError: the file ends before a span does.
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
