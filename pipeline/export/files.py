"""Files of an export that are too large, or too many, for `Folder.write`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.export.samples import Sample
from pipeline.io.storage import Folder, join, resolve, without_credentials

_ROWS_PER_GROUP = 10_000


@contextmanager
def writing(folder: Folder, name: str) -> Iterator[BinaryIO]:
    """A file of a folder to be written piece by piece. Locally it is there once it is whole.

    Raises:
        StorageError: it cannot be written.
    """
    filesystem, path = resolve(join(folder.location, name))
    try:
        if not isinstance(filesystem, pafs.LocalFileSystem):
            with filesystem.open_output_stream(path) as stream:
                yield cast(BinaryIO, stream)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.unfinished")
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot write {name!r} into {without_credentials(folder.location)!r}: {error}"
        ) from error


class TableWriter:
    """Rows to a Parquet file, as they come; use as a context, which writes the last of them."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._rows: list[dict[str, object]] = []

    def add(self, sample: Sample, **more: object) -> None:
        """Add the columns of a view, and others."""
        self._rows.append({**sample.columns, **more})
        if len(self._rows) == _ROWS_PER_GROUP:
            self._flush()

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []
