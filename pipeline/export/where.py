"""Which pictures of a job an expression selects: DuckDB's SQL, on the poses with one row per picture."""

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ConfigError

ALIGNED = "aligned"
_PER_VIEW = ("views", "views_seen_fraction", "views_filled_fraction")


class Where:
    """An expression, such as `abs(yaw_deg) < 60 and confidence > 0.4 and seen_fraction > 0.5`.

    It sees the columns of the poses, those carried from the manifest, and per picture `view`, `view_yaw_deg`,
    `seen_fraction` and `filled_fraction`. An upright crop is the photo: nothing of it is filled, and its
    `view_yaw_deg` is null. Files can be asked too: `face_id not in (select face_id from 'bad.parquet')`.

    Args:
        expression: the condition.

    Raises:
        ConfigError: DuckDB is not installed.
    """

    def __init__(self, expression: str) -> None:
        try:
            import duckdb  # noqa: PLC0415  (optional)
        except ImportError as error:
            raise ConfigError(
                "--where needs the package duckdb: pip install 'faceposenet[select]'"
            ) from error
        self.expression = expression
        self._error: type[Exception] = duckdb.Error
        self._connection: Any = duckdb.connect(config={"threads": 1})

    def select(self, poses: pa.Table, *, aligned: bool) -> list[frozenset[str]]:
        """Finds the pictures of each face that the expression is true of.

        Args:
            poses: poses of a part, one row per face.
            aligned: whether faces have upright crops.

        Returns:
            Names of views per face, `aligned` among them.

        Raises:
            ConfigError: the expression is no SQL, or asks for a column that there is not.
        """
        pictures = _pictures(poses, aligned=aligned)
        self._connection.register("pictures", pictures)
        query = f"SELECT row_number, view FROM pictures WHERE (\n{self.expression}\n)"
        try:
            rows = self._connection.execute(query).fetchall()
        except self._error as error:
            raise ConfigError(_explained(self.expression, str(error), pictures.column_names)) from error
        finally:
            self._connection.unregister("pictures")
        found: list[set[str]] = [set() for _ in range(len(poses))]
        for row, view in rows:
            found[row].add(view)
        return [frozenset(names) for names in found]


def _pictures(poses: pa.Table, *, aligned: bool) -> pa.Table:
    """One row per picture."""
    views = poses["views"].combine_chunks()
    row = pc.list_parent_indices(views).cast(pa.int64())
    count = len(poses) if aligned else 0
    name = pa.concat_arrays([views.flatten(), pa.array([ALIGNED] * count, pa.string())])
    row = pa.concat_arrays([row, pa.array(range(count), pa.int64())])

    def per_view(column: str, of_aligned: float) -> pa.Array:
        values = poses[column].combine_chunks().flatten()
        return pa.concat_arrays([values, pa.array([of_aligned] * count, pa.float32())])

    seen, filled = per_view("views_seen_fraction", 1.0), per_view("views_filled_fraction", 0.0)
    yaw = pc.if_else(pc.equal(name, ALIGNED), None, name).cast(pa.float64())
    table = poses.drop_columns([column for column in _PER_VIEW if column in poses.column_names]).take(row)
    for column, values in (
        ("row_number", row),
        ("view", name),
        ("view_yaw_deg", yaw),
        ("seen_fraction", seen),
        ("filled_fraction", filled),
    ):
        if column not in table.column_names:
            table = table.append_column(column, values)
    return table


def _explained(expression: str, message: str, columns: list[str]) -> str:
    """DuckDB's message with a caret at the place in the expression, and the columns that there are."""
    first, *lines = message.splitlines()
    what = re.sub(r"^\w+ Error: ", "", first)
    shown = expression
    for at, line in enumerate(lines):
        found = re.match(r"LINE (\d+): ", line)
        if found:
            number = int(found.group(1))
            inside = number <= 1 + expression.count("\n") + 1
            text = line[found.end() :] if inside and number > 1 else expression
            caret = (
                lines[at + 1].find("^") - found.end() if inside and at + 1 < len(lines) else len(expression)
            )
            shown = f"{text}\n  {' ' * max(caret, 0)}^"
            break
    known = ", ".join(column for column in columns if column != "row_number")
    return f"--where: {what}\n  {shown}\nthere are the columns {known}"
