"""Rows of Parquet files in their order, a few at a time.

A row group may be as large as a file: with photos in it, tens of gigabytes. It is never held as a whole.
What has to be read before the rows that are wanted is skipped, and the place is kept for the next ones, since
a worker reads a manifest from its start to its end.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from pipeline.errors import ManifestError
from pipeline.io.storage import resolve
from pipeline.manifest.pins import Pin

# Column chunks are read in such pieces, and not at once.
_BUFFER_BYTES = 2**22
_ROWS_OF_NUMBERS, _ROWS_OF_PHOTOS = 2**14, 64


@dataclass(frozen=True)
class RowGroup:
    """Where a run of rows lies."""

    pin: Pin
    index: int
    n_rows: int


@dataclass
class RowReader:
    """Reads some columns of row groups."""

    groups: Sequence[RowGroup]
    names: tuple[str, ...]
    holds_photos: bool = False
    """Whether a row may be large."""
    _ends: list[int] = field(init=False)
    _row: int = field(default=-1, init=False)
    """The next one that comes out; -1 where none does."""
    _tables: Iterator[pa.Table] = field(default=iter(()), init=False)
    _rest: pa.Table | None = field(default=None, init=False)
    """What was read but not asked for."""

    def __post_init__(self) -> None:
        self._ends = list(accumulate(group.n_rows for group in self.groups))

    def read(self, start: int, count: int) -> pa.Table:
        """Some rows, fast where they follow those that were read last.

        Raises:
            ManifestError: a file that cannot be read, or that has other rows than it says.
        """
        group = bisect_right(self._ends, start)
        begin = self._ends[group] - self.groups[group].n_rows
        if not begin <= self._row <= start:
            self._tables, self._row, self._rest = self._from_group(group), begin, None
        try:
            return pa.concat_tables(self._pieces(start, count))
        except BaseException:
            self._row = -1  # nothing follows a failure
            raise

    def _pieces(self, start: int, count: int) -> Iterator[pa.Table]:
        while count > 0:
            table = next(self._tables) if self._rest is None else self._rest
            skipped = min(start - self._row, table.num_rows)
            taken = table.slice(skipped, count)
            done = skipped + taken.num_rows
            self._rest = table.slice(done) if done < table.num_rows else None
            self._row += done
            start, count = start + taken.num_rows, count - taken.num_rows
            if taken.num_rows:
                yield taken

    def all_tables(self) -> Iterator[pa.Table]:
        """All rows in pieces."""
        return self._from_group(0)

    def _from_group(self, group: int) -> Iterator[pa.Table]:
        size = _ROWS_OF_PHOTOS if self.holds_photos else _ROWS_OF_NUMBERS
        for at in range(group, len(self.groups)):
            yield from _tables(self.groups[at], self.names, size)


def may_have_threads(filesystem: pafs.FileSystem) -> bool:
    """Not where Arrow asks Python for the bytes, as on stores that only fsspec knows: on threads of Arrow
    that may abort a program that ends in that moment; `pipeline.io.parquet.read_parquet` says why."""
    return not isinstance(filesystem, pafs.PyFileSystem)


@lru_cache(maxsize=8)
def open_parquet(pin: Pin) -> pq.ParquetFile:
    """A Parquet file with its footer, which is parsed once.

    Raises:
        ManifestError: it is no Parquet file.
    """
    filesystem, path = resolve(pin.location)
    try:
        # Nothing is fetched ahead: that would hold whole row groups in memory.
        return pq.ParquetFile(path, filesystem=filesystem, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).split())
        raise ManifestError(
            f"{pin.location} is no readable Parquet file: {words}; write or copy it again"
        ) from error


def _tables(group: RowGroup, names: Sequence[str], size: int) -> Iterator[pa.Table]:
    """The rows of a group in pieces of at most `size`."""
    location, n_rows = group.pin.location, 0
    try:
        batches = open_parquet(group.pin).iter_batches(
            size, [group.index], list(names), use_threads=may_have_threads(resolve(location)[0])
        )
        for batch in batches:
            batch.validate(full=True)
            n_rows += batch.num_rows
            yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).split())
        raise ManifestError(f"{location}: row group {group.index} cannot be read: {words}") from error
    if n_rows != group.n_rows:
        raise ManifestError(
            f"{location} is damaged: row group {group.index} has {n_rows} rows, its footer says "
            f"{group.n_rows}; write it again"
        )
