"""Temporary files that killed writers left in a local output folder.

Readers never see them, for their names begin with a dot, but each may be as large as a shard. One that is
older than a day has no writer any more: a file is written in seconds. Were it wrong, as with a writer that
slept for a day, that writer would fail, and nothing that was committed would be touched.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as pafs

from pipeline.io.storage import Folder, resolve

_AGE_S = 24 * 3600.0
# `.NAME.RANDOM`, as `storage` names them, of the files that a job writes.
_TEMPORARY = re.compile(
    r"\.(part-\d{6,}\.(parquet|tar|json)|round-\d{4,}\.json|-?[\d.]+\.png|_job\.json|_heartbeat(-\d+-of-\d+)?\.json"
    r"|\d{4,}\.json|summary\.json)\.[a-z0-9_]{8}"
)
_FOLDERS = ("", "poses", "views", "rejects", "masks", "_ledger", "_appends")


def remove_leftovers(out: Folder) -> int:
    """Remove the temporary files of killed writers from the output folder of a job; gives their number.

    What cannot be removed stays, without an error. In an object store there are none.
    """
    filesystem, path = resolve(out.location)
    if not isinstance(filesystem, pafs.LocalFileSystem):
        return 0
    removed = 0
    for file in _temporary_files(Path(path)):
        with contextlib.suppress(OSError):  # its writer, or another job's start, was faster
            if time.time() - file.stat().st_mtime > _AGE_S:
                file.unlink()
                removed += 1
    return removed


def _temporary_files(out: Path) -> Iterator[Path]:
    for name in _FOLDERS:
        with contextlib.suppress(OSError):
            yield from [file for file in (out / name).iterdir() if _TEMPORARY.fullmatch(file.name)]
