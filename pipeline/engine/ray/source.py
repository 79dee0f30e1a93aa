"""A job's parts as a source of Ray Data: tasks on the workers read slices of the manifest, part by part."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import ray
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from pipeline.engine.messages import Buffers, joined
from pipeline.engine.ray.rows import make_row
from pipeline.manifest import Manifest
from pipeline.stages.handover import rows_to_buffer
from pipeline.stages.part import Part

MOST_TASKS = 64
"""Tasks that share the reading. Each reads a run of parts in order, so that a row group is read once for
many; the last of them end together to within a 64th of the job."""


class NumberedSource(Datasource):  # type: ignore[misc]  # Ray is untyped
    """Rows with numbers, read by tasks that each take a run of them."""

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.n_tasks = min(MOST_TASKS, n_rows)
        """Ray Data would split or merge the runs if it were asked for another number of blocks."""

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        return [_task(read, n_rows) for read, n_rows in self.readers()]

    def readers(self) -> Iterator[tuple[Callable[[], Iterator[pa.Table]], int]]:
        """Functions that give rows one by one on a worker, and how many each gives."""
        raise NotImplementedError


class PartSource(NumberedSource):
    """Parts of a manifest, one row each, with its rows of the manifest where these hold no images.

    Photos that lie in the manifest itself are left to the worker that decodes them: they would travel twice.
    """

    def __init__(self, manifest: Manifest, parts: Sequence[Part]) -> None:
        super().__init__(len(parts))
        self._manifest = None if manifest.holds_images else ray.put(manifest)
        self._parts = parts

    def readers(self) -> Iterator[tuple[Callable[[], Iterator[pa.Table]], int]]:
        for run in runs_of(self._parts, self.n_tasks):
            yield _reader(self._manifest, run), len(run)


class ItemSource(NumberedSource):
    """Items that the driver made, one row each."""

    def __init__(self, items: Sequence[tuple[int, Buffers]]) -> None:
        super().__init__(len(items))
        self._items = items

    def readers(self) -> Iterator[tuple[Callable[[], Iterator[pa.Table]], int]]:
        for run in runs_of(self._items, self.n_tasks):
            yield _giver([(number, _whole(item)) for number, item in run]), len(run)


def runs_of(values: Sequence[Any], n: int) -> list[Sequence[Any]]:
    """Values in n runs of about equal length."""
    return [values[k * len(values) // n : (k + 1) * len(values) // n] for k in range(n)]


def _task(read: Callable[[], Iterator[pa.Table]], n_rows: int) -> ReadTask:
    return ReadTask(read, BlockMetadata(num_rows=n_rows, size_bytes=None, input_files=None, exec_stats=None))


def _reader(manifest: Any, parts: Sequence[Part]) -> Callable[[], Iterator[pa.Table]]:
    """`manifest`: a reference to one, or None where the rows are left to others."""
    plans = [part.to_json() for part in parts]

    def read() -> Iterator[pa.Table]:
        opened = None if manifest is None else ray.get(manifest)
        for plan in plans:
            part = Part.from_json(plan)
            rows = b"" if opened is None else rows_to_buffer(part.read(opened))
            yield make_row({"part": part.number}, {"plan": plan, "rows": rows})

    return read


def _giver(items: Sequence[tuple[int, dict[str, bytes]]]) -> Callable[[], Iterator[pa.Table]]:
    def give() -> Iterator[pa.Table]:
        for number, item in items:
            yield make_row({"part": number}, item)

    return give


def _whole(item: Buffers) -> dict[str, bytes]:
    return {name: bytes(joined(value)) for name, value in item.items()}
