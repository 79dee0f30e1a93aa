"""Parquet with the pictures in it, as Hugging Face `datasets` keeps them: it opens the column as images."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pat

from pipeline.export.samples import SampleReader, sample_schema

# `datasets` reads a row group at a time, pictures and all.
_ROWS_PER_GROUP = 1000
_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def parquet_shard(reader: SampleReader, places: np.ndarray, first_key: int) -> bytes:
    """A file of the views at some places, one row a view; `image.path` is numbered from `first_key` on."""
    extension = reader.index.extension
    rows = [
        {"image": {"bytes": sample.picture, "path": f"{key:09d}.{extension}"}, **sample.columns}
        for key, sample in enumerate(reader.read(places), first_key)
    ]
    sink = pa.BufferOutputStream()
    schema = parquet_schema(sample_schema(reader.index))
    pq.write_table(
        pa.Table.from_pylist(rows, schema),
        sink,
        # Pictures are compressed already, and no two are the same.
        compression={"image.bytes": "none", **{name: "zstd" for name in schema.names if name != "image"}},
        use_dictionary=[name for name in schema.names if name != "image"],
        row_group_size=_ROWS_PER_GROUP,
    )
    return bytes(sink.getvalue())


def parquet_schema(columns: pa.Schema) -> pa.Schema:
    """The picture before the other columns, and the note by which `datasets` knows it for one."""
    features = {"image": {"_type": "Image"}, **{column.name: _feature(column.type) for column in columns}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([("image", _PICTURE), *columns], metadata=metadata)


def _feature(kind: pa.DataType) -> object:
    if pat.is_list(kind):
        return [_feature(kind.value_type)]  # the one form that all versions of `datasets` know
    return {"dtype": {"double": "float64", "float": "float32"}.get(str(kind), str(kind)), "_type": "Value"}
