"""Stores that only fsspec knows, for Arrow: what goes wrong in them is an OSError, and never "not found".

`fsspec` has a file system for hundreds of stores, each with errors of its own; asked whether a file is there,
all of them take an error for a no.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.fs as pafs

from pipeline.errors import PipelineError
from pipeline.io.backoff import WebError, in_one_line, patiently, status_of

T = TypeVar("T")

# What stores call the state of a file.
_TAGS = ("ETag", "etag", "e_tag", "md5Hash", "checksum", "blob_id", "mtime", "LastModified", "last_modified")
_MORE_TAGS = ("updated", "modified", "created")

# What clients that are no children of OSError call connections that fail.
_NO_CONNECTION = re.compile("connect|timeout|network|protocolerror|readerror|disconnected", re.IGNORECASE)


class FsspecFiles(pafs.FSSpecHandler):  # type: ignore[misc]  # pyarrow has no types
    """A file system of fsspec as Arrow calls it."""

    def tag(self, path: str) -> str:
        """What tells a file from one of the same name and size, as far as the store says it."""
        with _as_os_error():
            info = self.fs.info(path)
        return "; ".join(f"{name} {info[name]}" for name in (*_TAGS, *_MORE_TAGS) if info.get(name))

    def get_file_info(self, paths: list[str]) -> list[pafs.FileInfo]:
        with _as_os_error():
            return list(super().get_file_info(paths))

    def get_file_info_selector(self, selector: pafs.FileSelector) -> list[pafs.FileInfo]:
        with _as_os_error():
            try:
                kind = self.fs.info(selector.base_dir)["type"]
            except FileNotFoundError:
                if selector.allow_not_found:
                    return []
                raise
            if kind != "directory":
                raise NotADirectoryError(selector.base_dir)
            return list(super().get_file_info_selector(selector))

    def open_input_stream(self, path: str) -> pa.PythonFile:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> pa.PythonFile:
        with _as_os_error():
            if self.fs.info(path)["type"] == "directory":
                raise IsADirectoryError(path)
            return pa.PythonFile(_File(self.fs.open(path, mode="rb")), mode="r")

    def open_output_stream(self, path: str, metadata: Any) -> pa.PythonFile:
        with _as_os_error():
            return super().open_output_stream(path, metadata)

    def delete_file(self, path: str) -> None:
        with _as_os_error():
            super().delete_file(path)

    def delete_dir(self, path: str) -> None:
        with _as_os_error():
            super().delete_dir(path)


class _File(io.RawIOBase):
    """An open file, read again after faults that pass."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._tried(lambda: int(self._file.seek(offset, whence)))

    def read(self, size: int | None = -1) -> bytes:
        at = self.tell()

        def read() -> bytes:
            if self._file.tell() != at:
                self._file.seek(at)
            return bytes(self._file.read(-1 if size is None else size))

        return self._tried(read)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    @staticmethod
    def _tried(action: Callable[[], T]) -> T:
        def once() -> T:
            with _as_os_error():
                return action()

        return patiently(once)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Errors of any package as an OSError in a line."""
    try:
        yield
    except (OSError, PipelineError):
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {in_one_line(error)}"
        if _NO_CONNECTION.search(type(error).__name__) and status_of(error) is None:
            raise ConnectionError(text) from error
        raise WebError(
            text,
            status=status_of(error),
            wait_s=_wait_s(error),
        ) from error


def _wait_s(error: Exception) -> float | None:
    """How long a store asks to wait, by the error of its package."""
    for holder in (error, getattr(error, "response", None)):
        headers = getattr(holder, "headers", None)
        wait = str(headers.get("Retry-After", "")) if isinstance(headers, Mapping) else ""
        if wait.isdecimal():
            return float(wait)
    return None
