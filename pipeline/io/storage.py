"""Files and objects: one way to read and write them, local or remote.

Remote URIs go through `pyarrow.fs.FileSystem.from_uri`, which takes endpoint and credentials from the usual
environment variables; what Arrow does not know goes through fsspec. A local file is written to a temporary
name, synced and moved, so that no reader ever sees half of it; an object store's put is atomic by itself.
Faults that pass are tried again (see `retry`).
"""

import contextlib
import os
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fsspec
import pyarrow as pa
import pyarrow.fs as pafs

from pipeline.errors import StorageError, UnknownSchemeError
from pipeline.io.backoff import patiently
from pipeline.io.byte_ranges import Span, split_spans

_OLDEST_CLAIM_S = 120.0


def is_uri(location: str) -> bool:
    """Whether a location names a scheme (`s3://...`); a local path does not."""
    return "://" in location


def plain_path(location: str) -> str:
    """A `file://` URI as the local path that it is; anything else as it is."""
    return unquote(location.removeprefix("file://")) if location.startswith("file:///") else location


def without_credentials(location: str) -> str:
    """A URI as it may be shown and stored: without `user:secret@` and query, which can hold keys."""
    if not is_uri(location):
        return location
    scheme, authority, path, _ = _split(location)
    return f"{scheme}://{authority.rpartition('@')[2]}{'/' if path else ''}{path}"


def join(folder: str, relative: str) -> str:
    """The location of `relative` in `folder`, unless it is a URI or an absolute path itself."""
    if is_uri(relative) or Path(relative).is_absolute():
        return relative
    if not is_uri(folder):
        return str(Path(folder) / relative)
    base, question, query = folder.partition("?")
    return f"{base.rstrip('/')}/{relative}{question}{query}"


def absolute(location: str) -> str:
    """A local path from the root of the file system; a URI as it is. Links stay."""
    path = plain_path(location)
    return path if is_uri(path) else str(Path(path).absolute())


def parent(location: str) -> str:
    """The folder that holds a file or object; of a link the folder that the link is in."""
    if not is_uri(location):
        return str(Path(location).absolute().parent)
    base, question, query = location.partition("?")
    return f"{base.rpartition('/')[0]}{question}{query}"


def resolve(location: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a location and the path in it. One client serves all locations of a bucket.

    Raises:
        UnknownSchemeError: no reader for the scheme.
        StorageError: no access to its endpoint.
    """
    if not is_uri(location):
        return pafs.LocalFileSystem(), str(Path(location).absolute())
    scheme, authority, path, query = _split(location)
    if scheme == "file":
        return pafs.LocalFileSystem(), unquote(f"/{path}")
    filesystem, prefix = _client(scheme, authority, query)
    return filesystem, prefix + path


def _split(location: str) -> tuple[str, str, str, str]:
    scheme, _, rest = location.partition("://")
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    return scheme, authority, path, query


@lru_cache(maxsize=64)
def _client(scheme: str, authority: str, query: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a bucket or host, and what stands before the paths in it."""
    name = "x"  # any, to see what the file system puts before it
    location = f"{scheme}://{authority}/{name}{'?' if query else ''}{query}"
    shown = without_credentials(location).removesuffix(name)
    try:
        filesystem, path = patiently(lambda: pafs.FileSystem.from_uri(location))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass  # a scheme that Arrow does not know
    except OSError as error:
        raise StorageError(f"cannot reach {shown!r}: {error}; see endpoint and credentials") from error
    else:
        return filesystem, path.removesuffix(name)
    try:
        fs, path = fsspec.url_to_fs(location)
    except (ValueError, ImportError) as error:
        raise UnknownSchemeError(
            f"cannot open {shown!r}: {error}; expected a local path, s3://, gs://, hdfs://, http:// or "
            "https://, or a scheme whose fsspec package is installed"
        ) from error
    except OSError as error:
        raise StorageError(f"cannot reach {shown!r}: {error}; see endpoint and credentials") from error
    return pafs.PyFileSystem(pafs.FSSpecHandler(fs)), path.removesuffix(name)


def read_file(location: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a file or object; at most `max_bytes` + 1 of it, so that a caller can tell "too large".

    A location may name a part of a file (see `spans`).

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it is no regular file (a pipe would block for ever), or it cannot be read.
        StorageError, UnknownSchemeError: see `resolve`.
        StorageUnavailableError: the store fails again and again.
    """
    limit = None if max_bytes is None else max_bytes + 1
    location, spans = split_spans(location)
    filesystem, path = resolve(location)
    if isinstance(filesystem, pafs.LocalFileSystem):
        return _read_local(Path(path), limit, spans)

    def read() -> bytes:
        if spans:
            with filesystem.open_input_file(path) as file:
                return _read_spans(file, path, spans, limit)
        with filesystem.open_input_stream(path) as stream:
            return bytes(stream.read(limit))

    return patiently(read)


def _read_local(path: Path, limit: int | None, spans: Sequence[Span]) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"'{path}' is no regular file")
    with path.open("rb") as file:
        if spans:
            return _read_spans(file, str(path), spans, limit)
        return file.read(-1 if limit is None else limit)


def _read_spans(file: Any, path: str, spans: Sequence[Span], limit: int | None) -> bytes:
    data = b""
    for offset, length in spans:
        wanted = length if limit is None else min(length, limit - len(data))
        file.seek(offset)
        piece = file.read(wanted)
        if len(piece) < wanted:
            raise OSError(f"'{path}' ends before byte {offset + wanted}")
        data += piece
    return data


@dataclass(frozen=True)
class Folder:
    """An output folder, local or in an object store."""

    location: str

    def _resolve(self, name: str = "") -> tuple[pafs.FileSystem, str]:
        filesystem, path = resolve(self.location)
        return filesystem, f"{path.rstrip('/')}/{name}" if name else path.rstrip("/")

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, replacing one of the same name, so that it is there whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        filesystem, path = self._resolve(name)

        def put() -> None:
            with filesystem.open_output_stream(path) as stream:
                stream.write(data)

        try:
            if isinstance(filesystem, pafs.LocalFileSystem):
                _write_local(Path(path), data)
            else:
                patiently(put)
        except OSError as error:
            raise StorageError(
                f"cannot write {name!r} into {self._shown}: {error}; is it a folder that may be written, "
                "with space left?"
            ) from error

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole file unless there is one of the same name; says whether it was written.

        Of several processes that create one file at the same time, one at most is told that it did.

        Raises:
            StorageError: it cannot be written.
        """
        filesystem, path = self._resolve(name)
        if isinstance(filesystem, pafs.LocalFileSystem):
            try:
                return _create_local(Path(path), data)
            except OSError as error:
                raise StorageError(f"cannot write {name!r} into {self._shown}: {error}") from error
        return self._create_on_store(name, data)

    def _create_on_store(self, name: str, data: bytes) -> bool:
        """Arrow cannot ask a store to write only what is not there. So a claim of a name of its own is
        written first, and whoever then sees another's claim withdraws. Stores list what was written."""
        folder, _, base = name.rpartition("/")
        claim = f"{folder}/.{base}.claim-{uuid.uuid4().hex}"
        self.write(claim, b"")
        try:
            entries = {entry.base_name: entry for entry in self._entries(folder)}
            claims = [
                entry
                for found, entry in entries.items()
                if found.startswith(f".{base}.claim-") and not _is_old(entry)
            ]
            if base in entries or len(claims) > 1:
                return False
            self.write(name, data)
            return True
        finally:
            filesystem, path = self._resolve(claim)
            with contextlib.suppress(OSError):
                patiently(lambda: filesystem.delete_file(path))

    def read(self, name: str) -> bytes | None:
        """The bytes of a file of the folder, or None where there is none.

        Raises:
            StorageError: it cannot be read.
        """
        filesystem, path = self._resolve(name)

        def read() -> bytes:
            with filesystem.open_input_stream(path) as stream:
                return bytes(stream.read())

        try:
            return patiently(read)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {name!r} in {self._shown}: {error}") from error

    def names(self, subfolder: str = "") -> list[str]:
        """The sorted names of the files directly in a subfolder; none where it does not exist.

        Raises:
            StorageError: it cannot be listed.
        """
        return sorted(entry.base_name for entry in self._entries(subfolder))

    def modified_s(self, subfolder: str = "") -> dict[str, float]:
        """When each file directly in a subfolder was last written, in seconds since 1970, by its name.

        A store that keeps no times leaves its files out.

        Raises:
            StorageError: it cannot be listed.
        """
        entries = self._entries(subfolder)
        return {entry.base_name: entry.mtime_ns / 1e9 for entry in entries if entry.mtime_ns is not None}

    def open(self, name: str) -> pa.NativeFile:
        """A file of the folder, to read pieces of it; whoever opens it closes it.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it cannot be opened.
        """
        filesystem, path = self._resolve(name)
        try:
            return patiently(lambda: filesystem.open_input_file(path))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"cannot read {name!r} in {self._shown}: {error}") from error

    def _entries(self, subfolder: str) -> list[pafs.FileInfo]:
        filesystem, path = self._resolve(subfolder)
        selector = pafs.FileSelector(path, allow_not_found=True)
        try:
            return list(patiently(lambda: filesystem.get_file_info(selector)))
        except OSError as error:
            raise StorageError(
                f"cannot list {self._shown}: {error}; is it a folder that may be read?"
            ) from error

    @property
    def _shown(self) -> str:
        return repr(without_credentials(self.location))


def _is_old(entry: pafs.FileInfo) -> bool:
    """Whether a claim was left by a process that was killed while it had it: it holds one for seconds."""
    return entry.mtime_ns is not None and time.time() - entry.mtime_ns / 1e9 > _OLDEST_CLAIM_S


def _write_local(path: Path, data: bytes) -> None:
    with _written_aside(path, data) as temporary:
        temporary.replace(path)


def _create_local(path: Path, data: bytes) -> bool:
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
