"""Tables in memory as manifests: of pandas, Arrow, Polars and Hugging Face `datasets`."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pat

from pipeline.errors import ConfigError
from pipeline.io.parquet import read_parquet
from pipeline.io.storage import Folder, join

MANIFEST_FOLDER = "_manifest"
_IMAGE_FIELDS = {"bytes", "path"}


def as_table(rows: Any) -> pa.Table:
    """A table of any of the kinds that are known, with the columns of a manifest.

    A column `image` that is a struct of `bytes` and `path`, as Hugging Face has it, becomes `image_bytes` and
    `image`. Rows without `face_id` get their number.

    Example:
        as_table(pandas.DataFrame({"image": ["a.jpg"], "x": [1], "y": [1], "width": [9], "height": [9]}))

    Raises:
        ConfigError: it is none of them.
    """
    table = _arrow(rows)
    if "image" in table.column_names and pat.is_struct(table.schema.field("image").type):
        table = _without_struct(table)
    elif "image" in table.column_names and _is_bytes(table.schema.field("image").type):
        table = table.rename_columns(["image_bytes" if n == "image" else n for n in table.column_names])
    if not {"face_id", "ID"} & set(table.column_names):
        ids = pa.array([f"{row:09d}" for row in range(len(table))])
        table = table.add_column(0, "face_id", ids)
    return table.replace_schema_metadata(None)


def _arrow(rows: Any) -> pa.Table:
    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    if hasattr(rows, "with_format") and hasattr(rows, "column_names"):  # datasets.Dataset
        found = rows.with_format("arrow")[:]
    elif hasattr(rows, "iloc"):  # pandas.DataFrame
        found = pa.Table.from_pandas(rows, preserve_index=False)
    elif hasattr(rows, "to_arrow"):  # polars.DataFrame
        found = rows.to_arrow()
    else:
        found = None
    if not isinstance(found, pa.Table):
        raise ConfigError(
            "a manifest is a path, or a table of pandas, Arrow, Polars or datasets; got "
            f"{type(rows).__name__}"
        )
    return found


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pat.is_binary(kind) or pat.is_large_binary(kind))


def _without_struct(table: pa.Table) -> pa.Table:
    kind = table.schema.field("image").type
    names = {kind.field(i).name for i in range(kind.num_fields)}
    if not names <= _IMAGE_FIELDS:
        raise ConfigError(f"image must be text, bytes, or a struct of bytes and path; got {kind}")
    column, at = table["image"], table.schema.get_field_index("image")
    table = table.remove_column(at)
    data = pc.struct_field(column, "bytes") if "bytes" in names else None
    if data is not None and data.null_count < len(data):
        table = table.append_column("image_bytes", data)
    if "path" in names:
        table = table.append_column("image", pc.struct_field(column, "path"))
    return table


def write_manifest(table: pa.Table, out: Folder, *, append: bool = False) -> str:
    """Keep a table as a manifest beside the results; gives where it is.

    A table that is there already is left as it is. Further rows become a further file.

    Raises:
        ConfigError: another table is there.
    """
    names = out.names(MANIFEST_FOLDER)
    location = join(out.location, MANIFEST_FOLDER)
    before = [read_parquet(out.read(f"{MANIFEST_FOLDER}/{name}") or b"") for name in names]
    old = pa.concat_tables(before) if before else table.slice(0, 0)
    same = table.slice(0, len(old)).combine_chunks().equals(old.combine_chunks())
    if not same or (before and len(table) > len(old) and not append):
        way = "give append=True to add its further rows" if same else "its rows are others; name a new folder"
        raise ConfigError(f"{location!r} holds another table: {way}")
    if len(table) > len(old) or not before:
        sink = io.BytesIO()
        pq.write_table(table.slice(len(old)), sink, compression="zstd")
        out.write(f"{MANIFEST_FOLDER}/{len(names):04d}.parquet", sink.getvalue())
    return location
