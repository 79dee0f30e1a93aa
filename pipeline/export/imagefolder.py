"""One folder a subject, `<subject>/<face>_<view>.jpg`, and a table that says which file is what."""

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from faceposenet.photo.locations import is_uri, plain_path
from pipeline.errors import StorageError
from pipeline.export.files import TableWriter, writing
from pipeline.export.names import safe_name
from pipeline.export.samples import Sample, SampleReader, sample_schema
from pipeline.io.storage import Folder

METADATA = "metadata.parquet"
_WRITERS = 16


def write_imagefolder(
    reader: SampleReader, places: np.ndarray, dest: Folder, say: Callable[[int], None]
) -> int:
    """Write each view into the folder of its subject, and the table; returns the number of files.

    The table is called as Hugging Face's `imagefolder` expects it: `file_name` and what is known of the view.

    Raises:
        StorageError: something cannot be written.
    """
    schema = pa.schema([("file_name", pa.string()), *sample_schema(reader.index)])
    name = FileNames(reader.index.extension, folds_case=_folds_case(dest))
    with (
        writing(dest, METADATA) as file,
        TableWriter(file, schema) as table,
        _pictures(dest) as put,
    ):
        for n, sample in enumerate(reader.read(places), 1):
            path = name(sample)
            put(path, sample.picture)
            table.add(sample, file_name=path)
            say(n)
    return len(places) + 1


class FileNames:
    """What the file of a view is called."""

    def __init__(self, extension: str, *, folds_case: bool = False) -> None:
        self._extension = extension
        self._folds_case = folds_case

    def __call__(self, sample: Sample) -> str:
        assert sample.subject is not None
        folder = safe_name(sample.subject, folds_case=self._folds_case)
        face = safe_name(sample.face_id, folds_case=self._folds_case)
        return f"{folder}/{face}_{sample.view}.{self._extension}"


@contextmanager
def _pictures(dest: Folder) -> Iterator[Callable[[str, bytes], None]]:
    """A function that writes a picture into the folder; what is written is there when the context ends."""
    if not is_uri(dest.location):
        yield lambda name, data: _put(Path(dest.location, name), data)
        os.sync()  # once for all of them: a sync for each would take longer than all else
        return
    under_way: deque[Future[None]] = deque()
    with ThreadPoolExecutor(_WRITERS) as pool:

        def put(name: str, data: bytes) -> None:
            under_way.append(pool.submit(dest.write, name, data))
            if len(under_way) > 2 * _WRITERS:
                under_way.popleft().result()

        yield put
        for written in under_way:
            written.result()


def _put(path: Path, data: bytes) -> None:
    try:
        if path.exists() and path.stat().st_size == len(data):
            return  # an export that was stopped had come so far
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}")
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise StorageError(f"cannot write {str(path)!r}: {error}") from error


def _folds_case(dest: Folder) -> bool:
    """Whether the folder takes "A" and "a" for the same name."""
    if is_uri(dest.location):
        return False
    folder = Path(plain_path(dest.location))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".Case", dir=folder) as file:
        return Path(file.name.lower()).exists() and file.name != file.name.lower()
