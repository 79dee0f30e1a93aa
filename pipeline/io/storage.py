"""Files and objects: one way to read and write them, local or remote.

Remote URIs go through `pyarrow.fs.FileSystem.from_uri`, which takes endpoint and credentials from the usual
environment variables; what Arrow does not know goes through fsspec. A local file is written to a temporary
name, synced and moved, so that no reader ever sees half of it; an object store's put is atomic by itself.
Faults that pass are tried again (see `retry`).
"""

import contextlib
import re
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.fs as pafs

from faceposenet.photo.byte_ranges import split_spans
from faceposenet.photo.local_file import read_local, read_spans
from faceposenet.photo.locations import is_uri, plain_path
from pipeline.errors import StorageError, UnknownSchemeError
from pipeline.io.backoff import in_one_line, patiently
from pipeline.io.fsspec_files import FsspecFiles
from pipeline.io.local_files import create_local, write_local
from pipeline.io.web import read_web, read_web_spans, web_files

_OLDEST_CLAIM_S = 120.0

# Schemes whose URIs may end in options for the client of the store, as Arrow defines them.
_WITH_OPTIONS = frozenset({"s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss", "mock"})
_OPTIONS = re.compile(r"[a-z_]+=[^?]*")


def split_options(location: str) -> tuple[str, str]:
    """A URI without the options for the client of its store, and these with their question mark.

    Any other question mark is part of the name: of an object, or of a URL, which may be signed by it.

    Example:
        split_options("s3://bucket/a?b.jpg?region=eu-west-1")  # "s3://bucket/a?b.jpg", "?region=eu-west-1"
        split_options("https://host/a.jpg?signature=x")  # all of it, ""
    """
    scheme = location.partition("://")[0].lower()
    base, question, options = location.rpartition("?")
    if not is_uri(location) or scheme not in _WITH_OPTIONS or not question:
        return location, ""
    return (base, question + options) if _OPTIONS.fullmatch(options) else (location, "")


def split_query(location: str) -> tuple[str, str]:
    """A URI without what goes with every location in its folder: options, or on the web the query, which may
    be a signature.

    Example:
        split_query("https://host/photos?signature=x")  # "https://host/photos", "?signature=x"
    """
    if not _is_web(location):
        return split_options(location)
    base, question, query = location.partition("?")
    return base, question + query


def _is_web(location: str) -> bool:
    return location.lower().startswith(("http://", "https://"))


def without_credentials(location: str) -> str:
    """A URI as it may be shown and stored: without `user:secret@` and query, which can hold keys."""
    if not is_uri(location):
        return location
    scheme, authority, path, _ = _split(location)
    if _is_web(location):
        path = path.partition("?")[0]
    return f"{scheme}://{authority.rpartition('@')[2]}{'/' if path else ''}{path}"


def join(folder: str, relative: str) -> str:
    """The location of `relative` in `folder`, unless it is a URI or an absolute path itself."""
    relative, folder = plain_path(relative), plain_path(folder)
    if is_uri(relative) or Path(relative).is_absolute():
        return relative
    if not is_uri(folder):
        return str(Path(folder) / relative)
    base, query = split_query(folder)
    if "?" in relative and _is_web(folder):
        query = query.replace("?", "&", 1)
    return f"{base.rstrip('/')}/{relative}{query}"


def absolute(location: str) -> str:
    """A local path from the root of the file system; a URI as it is. Links stay."""
    path = plain_path(location)
    return path if is_uri(path) else str(Path(path).absolute())


def parent(location: str) -> str:
    """The folder that holds a file or object; of a link the folder that the link is in."""
    location = plain_path(location)
    if not is_uri(location):
        return str(Path(location).absolute().parent)
    base, query = split_query(location)
    return f"{base.rpartition('/')[0]}{query}"


def base_name(location: str) -> str:
    """The name of a file or object, without its folder and without a query.

    Example:
        base_name("https://host/photos/a.jpg?signature=x")  # "a.jpg"
    """
    location = plain_path(location)
    if not is_uri(location):
        return Path(location).name
    return split_query(location)[0].rpartition("/")[2]


def resolve(location: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a location and the path in it. One client serves all locations of a bucket.

    Raises:
        UnknownSchemeError: no reader for the scheme.
        StorageError: no access to its endpoint.
    """
    location = plain_path(location)
    if not is_uri(location):
        return pafs.LocalFileSystem(), str(Path(location).absolute())
    scheme, authority, path, options = _split(location)
    if scheme in ("http", "https"):
        return web_files(), f"{scheme}://{authority}/{path}"
    filesystem, prefix = _client(scheme, authority, options)
    return filesystem, prefix + path


def _split(location: str) -> tuple[str, str, str, str]:
    """Scheme, bucket or host, path, and options without their question mark."""
    base, options = split_options(location)
    scheme, _, rest = base.partition("://")
    authority, _, path = rest.partition("/")
    return scheme.lower(), authority, path, options.removeprefix("?")


@lru_cache(maxsize=64)
def _client(scheme: str, authority: str, options: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a bucket or host, and what stands before the paths in it."""
    name = "x"  # any, to see what the file system puts before it
    location = f"{scheme}://{authority}/{name}{'?' if options else ''}{options}"
    shown = without_credentials(location).removesuffix(name)
    try:
        filesystem, path = patiently(lambda: pafs.FileSystem.from_uri(location))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass  # a scheme that Arrow does not know
    except OSError as error:
        raise StorageError(f"cannot reach {shown!r}: {error}; see endpoint and credentials") from error
    else:
        if isinstance(filesystem, pafs.PyFileSystem):  # of Hugging Face, whom Arrow knows and fsspec opens
            filesystem = pafs.PyFileSystem(FsspecFiles(filesystem.handler.fs))
        return filesystem, path.removesuffix(name)
    try:
        fs, path = fsspec.url_to_fs(location)
    except (ValueError, ImportError) as error:
        raise UnknownSchemeError(
            f"cannot open {shown!r}: {in_one_line(error)}; expected a local path, s3://, gs://, hdfs://, "
            "http:// or https://, or a scheme whose fsspec package is installed"
        ) from error
    except Exception as error:  # every package has errors of its own
        raise StorageError(
            f"cannot reach {shown!r}: {in_one_line(error)}; see endpoint and credentials"
        ) from error
    return pafs.PyFileSystem(FsspecFiles(fs)), path.removesuffix(name)


def read_file(location: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a file or object; at most `max_bytes` + 1 of it, so that a caller can tell "too large".

    A location may name a part of a file (see `byte_ranges`).

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it is not a regular file (a pipe would block for ever), or it cannot be read.
        StorageError, UnknownSchemeError: see `resolve`.
        StorageUnavailableError: the store fails again and again.
    """
    limit = None if max_bytes is None else max_bytes + 1
    location, spans = split_spans(plain_path(location))
    filesystem, path = resolve(location)
    if isinstance(filesystem, pafs.LocalFileSystem):
        return read_local(Path(path), limit, spans)

    if path.startswith(("http://", "https://")):
        return read_web_spans(path, spans, limit) if spans else read_web(path, limit)

    def read() -> bytes:
        if spans:
            with filesystem.open_input_file(path) as file:
                return read_spans(file, path, spans, limit)
        # Bytes as they are: Arrow would unpack what is called .gz.
        with filesystem.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read(limit))

    return patiently(read)


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
            with filesystem.open_output_stream(path, compression=None) as stream:
                stream.write(data)

        try:
            if isinstance(filesystem, pafs.LocalFileSystem):
                write_local(Path(path), data)
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
                return create_local(Path(path), data)
            except OSError as error:
                raise StorageError(f"cannot write {name!r} into {self._shown}: {error}") from error
        return self._create_on_store(name, data)

    def _create_on_store(self, name: str, data: bytes) -> bool:
        """Arrow cannot ask a store to write only what is not there. So a claim of a name of its own is
        written first, and whoever then sees another's claim withdraws. Stores list what was written."""
        folder, _, base = name.rpartition("/")
        # Stores refuse a name that begins with a slash.
        claim = f"{folder}/.{base}.claim-{uuid.uuid4().hex}".lstrip("/")
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
            with filesystem.open_input_stream(path, compression=None) as stream:
                return bytes(stream.read())

        try:
            return patiently(read)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {name!r} in {self._shown}: {error}") from error

    def remove(self, name: str) -> bool:
        """Delete a file of the folder; says whether there was one.

        Raises:
            StorageError: it cannot be deleted.
        """
        filesystem, path = self._resolve(name)
        try:
            if filesystem.get_file_info(path).type == pafs.FileType.NotFound:
                return False
            patiently(lambda: filesystem.delete_file(path))
        except OSError as error:
            raise StorageError(f"cannot delete {name!r} in {self._shown}: {error}") from error
        return True

    def names(self, subfolder: str = "") -> list[str]:
        """The sorted names of the files directly in a subfolder; none where it does not exist.

        Raises:
            StorageError: it cannot be listed.
        """
        return sorted(entry.base_name for entry in self._entries(subfolder))

    def sizes(self, subfolder: str = "") -> dict[str, int]:
        """Bytes of each file directly in a subfolder, by its name, from one listing.

        Raises:
            StorageError: it cannot be listed.
        """
        entries = self._entries(subfolder)
        return {entry.base_name: entry.size for entry in entries if entry.size is not None}

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
