"""Arrow tables with columns of any type: picking rows, and values for JSON and for people."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

_WITHOUT_VIEWS = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
_NO_VALUE_IN_PYTHON = (OverflowError, ValueError, ArithmeticError, pa.ArrowException)


def take_rows(table: pa.Table, positions: Sequence[int] | np.ndarray) -> pa.Table:
    """The rows of a table at some positions.

    Example:
        take_rows(pa.table({"a": ["x", "y", "z"]}), [2, 0])  # z, x
    """
    at = pa.array(np.asarray(positions, dtype=np.int64))
    columns = []
    for column in table.columns:
        # Arrow cannot pick from views of text and bytes, but casts them without a loss.
        plain = _WITHOUT_VIEWS.get(column.type)
        columns.append(column.take(at) if plain is None else column.cast(plain).take(at).cast(column.type))
    return pa.table(columns, table.schema) if columns else table


def python_rows(table: pa.Table) -> list[dict[str, object]]:
    """The rows of a table as Python's values; see `python_values`.

    Example:
        python_rows(pa.table({"a": [1, 2]}))  # [{"a": 1}, {"a": 2}]
    """
    columns = {
        name: python_values(column) for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return [{name: values[i] for name, values in columns.items()} for i in range(table.num_rows)]


def python_values(column: pa.ChunkedArray) -> list[object]:
    """The values of a column as Python's, or all as text where Python has no value for one of them.

    Such are dates beyond the year 9999, durations of a million years, and time zones that are not known.
    Times in nanoseconds are always text: pyarrow gives other values where pandas is installed.
    """
    if not _needs_pandas(column.type):
        try:
            return list(column.to_pylist())
        except _NO_VALUE_IN_PYTHON:
            pass
    try:
        return list(column.cast(pa.string()).to_pylist())
    except pa.ArrowException:
        return [_by_itself(scalar) for chunk in column.chunks for scalar in chunk]


def _needs_pandas(kind: pa.DataType) -> bool:
    return (pat.is_timestamp(kind) or pat.is_duration(kind)) and str(kind.unit) == "ns"


def _by_itself(scalar: pa.Scalar) -> object:
    """One value of a type that has no text, such as a list: the others may have values in Python."""
    try:
        return scalar.as_py()
    except _NO_VALUE_IN_PYTHON:
        return str(getattr(scalar, "value", None))
