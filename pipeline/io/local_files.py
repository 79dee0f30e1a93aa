"""Local files: written whole or not at all, and created once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
