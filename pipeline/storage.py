"""Files and objects: one way to read and write them, local or remote.

Remote URIs go through `pyarrow.fs.FileSystem.from_uri`, which takes endpoint and credentials from the usual
environment variables; what Arrow does not know goes through fsspec. A local file is written to a temporary
name, synced and moved, so that no reader ever sees half of it; an object store's put is atomic by itself.
"""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.fs as pafs

from pipeline.errors import StorageError


def is_uri(location: str) -> bool:
    """Whether a location names a scheme (`s3://...`); a local path does not."""
    return "://" in location


def without_credentials(location: str) -> str:
    """A URI as it may be shown and stored: without `user:secret@` and query, which can hold keys."""
    if not is_uri(location):
        return location
    scheme, _, rest = location.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def join(folder: str, relative: str) -> str:
    """The location of `relative` in `folder`, unless it is a URI or an absolute path itself."""
    if is_uri(relative) or Path(relative).is_absolute():
        return relative
    return f"{folder.rstrip('/')}/{relative}" if is_uri(folder) else str(Path(folder) / relative)


def parent(location: str) -> str:
    """The folder that holds a file or object."""
    return location.rsplit("/", 1)[0] if is_uri(location) else str(Path(location).resolve().parent)


def resolve(location: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a location and the path in it.

    Raises:
        StorageError: no reader for the scheme, or no access to its endpoint.
    """
    if not is_uri(location):
        return pafs.LocalFileSystem(), str(Path(location).absolute())
    try:
        filesystem, path = pafs.FileSystem.from_uri(location)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass  # a scheme that Arrow does not know
    except OSError as error:
        raise StorageError(f"cannot reach {without_credentials(location)!r}: {error}") from error
    else:
        return filesystem, str(path)
    try:
        filesystem, path = fsspec.url_to_fs(location)
    except (ValueError, ImportError, OSError) as error:
        raise StorageError(f"cannot open {without_credentials(location)!r}: {error}") from error
    return pafs.PyFileSystem(pafs.FSSpecHandler(filesystem)), path


def read_file(location: str, max_bytes: int | None = None) -> bytes:
    """The bytes of a file or object; at most `max_bytes` + 1 of it, so that a caller can tell "too large".

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it is no regular file (a pipe would block for ever), or it cannot be read.
        StorageError: see `resolve`.
    """
    limit = -1 if max_bytes is None else max_bytes + 1
    if not is_uri(location):
        path = Path(location)
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(f"{location!r} is no regular file")
        with path.open("rb") as file:
            return file.read(limit)
    filesystem, path_in_it = resolve(location)
    with filesystem.open_input_stream(path_in_it) as stream:
        return bytes(stream.read(None if max_bytes is None else limit))


@dataclass(frozen=True)
class Folder:
    """An output folder, local or in an object store."""

    location: str

    def _resolve(self, name: str = "") -> tuple[pafs.FileSystem, str]:
        filesystem, path = resolve(self.location)
        return filesystem, f"{path.rstrip('/')}/{name}" if name else path

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, replacing one of the same name, so that it is there whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        filesystem, path = self._resolve(name)
        try:
            if isinstance(filesystem, pafs.LocalFileSystem):
                _write_local(Path(path), data)
            else:
                with filesystem.open_output_stream(path) as stream:
                    stream.write(data)
        except OSError as error:
            raise StorageError(f"cannot write {name!r} into {self.location!r}: {error}") from error

    def read(self, name: str) -> bytes | None:
        """The bytes of a file of the folder, or None where there is none."""
        filesystem, path = self._resolve(name)
        try:
            with filesystem.open_input_stream(path) as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {name!r} in {self.location!r}: {error}") from error

    def names(self, subfolder: str = "") -> list[str]:
        """The sorted names of the files directly in a subfolder; none where it does not exist."""
        filesystem, path = self._resolve(subfolder)
        try:
            entries = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        except OSError as error:
            raise StorageError(f"cannot list {self.location!r}: {error}") from error
        return sorted(entry.base_name for entry in entries)


def _write_local(path: Path, data: bytes) -> None:
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
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
