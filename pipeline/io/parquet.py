"""Parquet files that are held in memory, read on the calling thread alone."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq


def read_parquet(data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """The table of a whole Parquet file; of its columns all, or those named that it has.

    Raises:
        ArrowInvalid, OSError: it is no Parquet file, or a torn one.
    """
    # `pq.read_table` reads on Arrow's own threads, and these may let go of the bytes, which are Python's, a
    # moment after it has returned. Where the program ends in that moment, Python before 3.14 unwinds such a
    # thread inside a C++ destructor, and the process aborts: "terminate called without an active exception".
    file = pq.ParquetFile(pa.BufferReader(data))
    return file.read(columns=None if columns is None else list(columns), use_threads=False)


def read_parquet_schema(data: bytes) -> pa.Schema:
    """The columns of a whole Parquet file.

    Raises:
        ArrowInvalid, OSError: it is no Parquet file, or a torn one.
    """
    return pq.ParquetFile(pa.BufferReader(data)).schema_arrow
