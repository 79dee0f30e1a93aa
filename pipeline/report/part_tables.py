"""Reading the Parquet files of a job's parts column by column or row by row, also from object stores."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.io.backoff import patiently
from pipeline.io.storage import Folder
from pipeline.io.tables import python_rows, take_rows
from pipeline.job.ledger import part_files
from pipeline.report.tally import Place

Kind = Literal["poses", "rejects"]
_ROWS_AT_A_TIME = 65_536
_WHOLE_ROWS_AT_A_TIME = 4096
_READERS = 8
_T = TypeVar("_T")


def read_columns(
    out: Folder, kind: Kind, parts: Sequence[int], wanted: Iterable[str]
) -> Iterator[list[pa.Table]]:
    """For each part, those of the wanted columns that its file has, in pieces of bounded length.

    A few parts are read side by side, and no more are held.

    Raises:
        StorageError: a file that is missing or torn, or cannot be read.
    """

    def read(file: pq.ParquetFile) -> list[pa.Table]:
        present = [name for name in wanted if name in file.schema_arrow.names]
        return [
            pa.Table.from_batches([batch]) for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=present)
        ]

    with ThreadPoolExecutor(_READERS) as pool:
        for first in range(0, len(parts), _READERS):
            yield from pool.map(
                lambda part: _with_file(out, kind, part, read), parts[first : first + _READERS]
            )


def read_rows(out: Folder, kind: Kind, places: Iterable[Place]) -> dict[Place, dict[str, Any]]:
    """Some rows with all their columns.

    Raises:
        StorageError: a file that is missing or torn, or cannot be read.
    """
    wanted: dict[int, set[int]] = {}
    for place in places:
        wanted.setdefault(place.part, set()).add(place.index)

    def read(part: int) -> dict[Place, dict[str, Any]]:
        def pick(file: pq.ParquetFile) -> dict[Place, dict[str, Any]]:
            found: dict[Place, dict[str, Any]] = {}
            start = 0
            for batch in file.iter_batches(_WHOLE_ROWS_AT_A_TIME):
                inside = [i for i in sorted(wanted[part]) if start <= i < start + len(batch)]
                picked = python_rows(take_rows(pa.Table.from_batches([batch]), [i - start for i in inside]))
                found |= {Place(part, i): row for i, row in zip(inside, picked, strict=True)}
                start += len(batch)
            return found

        return _with_file(out, kind, part, pick)

    with ThreadPoolExecutor(_READERS) as pool:
        return {place: row for found in pool.map(read, sorted(wanted)) for place, row in found.items()}


def _with_file(out: Folder, kind: Kind, part: int, use: Callable[[pq.ParquetFile], _T]) -> _T:
    """What `use` makes of a part's file; faults that pass are tried again from its beginning."""
    name = part_files(part, views=False)[kind]

    def read() -> _T:
        with out.open(name) as source:
            return use(pq.ParquetFile(source, pre_buffer=True))

    try:
        return patiently(read)
    except (OSError, pa.ArrowInvalid) as error:
        raise StorageError(f"cannot read {name} in {out.location!r}: {error}. Run fpn verify") from error
