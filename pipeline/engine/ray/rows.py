"""The one row that a part is on its way through Ray Data: a number, and buffers as columns of Arrow."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from pipeline.engine.messages import Buffer, joined


def make_row(numbers: Mapping[str, int], buffers: Mapping[str, Buffer]) -> pa.Table:
    """A table of one row; the buffers are not copied."""
    columns = {name: pa.array([number], pa.int64()) for name, number in numbers.items()}
    return pa.table({**columns, **{name: _column(value) for name, value in buffers.items()}})


def buffers_of(row: pa.Table, names: Sequence[str]) -> dict[str, Buffer]:
    """Columns of a table of one row, as views of its memory."""
    return {name: memoryview(row[name][0].as_buffer()) for name in names if name in row.column_names}


def row_with(row: pa.Table, keep: Sequence[str], buffers: Mapping[str, Buffer]) -> pa.Table:
    """A row with some of its columns, which stay where they are in memory, and new ones."""
    kept = row.select([name for name in keep if name in row.column_names])
    for name, value in buffers.items():
        kept = kept.append_column(name, _column(value))
    return kept


def _column(value: Buffer) -> pa.Array:
    data = joined(value)
    offsets = np.array([0, memoryview(data).nbytes], dtype=np.int64)
    parts = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, parts)
