"""What one stage hands to the next of a part: named buffers of columns, not objects.

    rows      the part's rows of the manifest                            (Arrow)
    faces     the rows, with where each face lies in its photo           (Arrow)
    crops     the pixels that the network sees, face after face          (uint8, n x s x s x 3)
    sources   what the renderer cuts its pixels from, photo after photo  (encoded photos, or pixels)
    poses     the poses of the faces that have one                       (Arrow)
    rejects   the faces that fell out so far                             (Arrow)

The pose stage takes `faces`, `crops` and `rejects`, the render stage `faces`, `sources`, `poses` and
`rejects`. Batches are known by place: batch k holds the rows from k times the batch size on.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from faceposenet.photo.source_window import SourceWindow
from fpn_core import PoseBatch
from pipeline.engine.messages import Buffer, Buffers
from pipeline.manifest import Rows
from pipeline.reasons import Reason, Reject, Stage
from pipeline.stages.batches import NO_SOURCE, DecodedFaces, EncodedPhoto, PosedFaces
from pipeline.stages.write import REJECT_SCHEMA

_CARRIED = "carried:"


def rows_to_buffer(rows: Rows) -> Buffer:
    """Rows of a manifest, without images that lie in it."""
    return table_to_buffer(_rows_table(rows))


def rows_from_buffer(data: Buffer) -> Rows:
    """The rows that `rows_to_buffer` was given."""
    return _rows_of(table_from_buffer(data))


def decoded_to_buffers(rows: Rows, runs: np.ndarray, batches: Sequence[DecodedFaces], size: int) -> Buffers:
    """What the decode stage hands on of a part in batches of `size` rows.

    `runs`: the number of each row's photo, by `image_runs`.
    """
    places = [_absolute(batch.position, k, size) for k, batch in enumerate(batches)]
    index = np.concatenate(places)
    sources: list[Buffer | np.ndarray] = []
    held = [pair for batch in batches for pair in _sources(batch)]
    where = _lay_out(held, sources)
    columns = {
        "image_wh_px": _scattered(np.concatenate([b.image_wh_px for b in batches]), index, len(rows)),
        "window_xyxy_px": _scattered(np.concatenate([b.window_xyxy_px for b in batches]), index, len(rows)),
        **{name: _scattered(values, index, len(rows)) for name, values in where.items()},
    }
    decoded = np.zeros(len(rows), dtype=bool)
    decoded[index] = True
    table = _rows_table(rows).append_column("decoded", pa.array(decoded))
    table = table.append_column("photo_run", pa.array(runs))
    for name, values in columns.items():
        table = table.append_column(name, _fixed(values))
    return {
        "faces": table_to_buffer(table),
        "crops": [np.ascontiguousarray(batch.crops) for batch in batches],
        "sources": sources,
        "rejects": _rejects_to_buffer(reject for batch in batches for reject in batch.rejects),
    }


def decoded_from_buffers(
    faces: Buffer, crops: Buffer, rejects: Buffer, size: int, crop_px: int
) -> Iterator[DecodedFaces]:
    """The batches that `decoded_to_buffers` was given, without what the renderer needs.

    The crops are views of `crops`: nothing is copied.
    """
    table = table_from_buffer(faces)
    rows = _rows_of(table)
    pixels = np.frombuffer(crops, np.uint8).reshape(-1, crop_px, crop_px, 3)
    fallen = _rejects_from_buffer(rejects)
    begin = 0
    for k, (index, whs, windows) in enumerate(_decoded(table, len(rows), size)):
        yield DecodedFaces(
            rows.slice(k * size, size),
            index - k * size,
            whs,
            windows,
            pixels[begin : begin + len(index)],
            [NO_SOURCE] * len(index),
            fallen if k == 0 else [],
        )
        begin += len(index)


def posed_to_buffers(batches: Sequence[PosedFaces], size: int) -> Buffers:
    """What the pose stage hands on: poses by their place in the part, and all rejects so far."""
    poses = [batch.poses for batch in batches]
    confidences = [pose.confidence for pose in poses if pose.confidence is not None]
    projections = [b.compat_projection for b in batches if b.compat_projection is not None]
    columns = {
        "index": np.concatenate([_absolute(b.position, k, size) for k, b in enumerate(batches)]),
        "rotation": np.concatenate([pose.rotation for pose in poses]),
        "tvec_mm": np.concatenate([pose.tvec_mm for pose in poses]),
        "projection": np.concatenate([batch.projection for batch in batches]),
    }
    if confidences:
        columns["confidence"] = np.concatenate(confidences)
    if projections:
        columns["compat_projection"] = np.concatenate(projections)
    table = pa.table({name: _fixed(values) for name, values in columns.items()})
    return {
        "poses": table_to_buffer(table),
        "rejects": _rejects_to_buffer(reject for batch in batches for reject in batch.rejects),
    }


def posed_from_buffers(faces: Buffer, poses: Buffer, rejects: Buffer, size: int) -> Iterator[PosedFaces]:
    """The batches that `posed_to_buffers` was given, without pixels; `pipeline.stages.source` gives those."""
    table, posed = table_from_buffer(faces), table_from_buffer(poses)
    rows = _rows_of(table)
    whs, windows = _matrix(table, "image_wh_px"), _matrix(table, "window_xyxy_px")
    index = _matrix(posed, "index").reshape(-1)
    names = set(posed.column_names)
    rotation = _matrix(posed, "rotation").reshape(-1, 3, 3)
    tvec_mm = _matrix(posed, "tvec_mm")
    projection = _matrix(posed, "projection").reshape(-1, 3, 4)
    confidence = _matrix(posed, "confidence").reshape(-1) if "confidence" in names else None
    compat = _matrix(posed, "compat_projection").reshape(-1, 3, 4) if "compat_projection" in names else None
    fallen = _rejects_from_buffer(rejects)
    for k in range(_n_batches(len(rows), size)):
        here = np.flatnonzero(index // size == k)
        at = index[here]
        yield PosedFaces(
            rows.slice(k * size, size),
            at - k * size,
            whs[at],
            windows[at],
            [NO_SOURCE] * len(at),
            PoseBatch(rotation[here], tvec_mm[here], None if confidence is None else confidence[here]),
            projection[here],
            fallen if k == 0 else [],
            None if compat is None else compat[here],
        )


def source_columns(faces: Buffer) -> tuple[Rows, dict[str, np.ndarray]]:
    """The rows of a part, and for each where its source lies: `source_begin`, `source_end` in `sources`;
    `source_wh_px`, 0 x 0 for an encoded photo; `image_to_source`, (n, 9); `photo_run`, the number of the
    photo."""
    table = table_from_buffer(faces)
    names = ("source_begin", "source_end", "source_wh_px", "image_to_source", "photo_run")
    return _rows_of(table), {name: _matrix(table, name) for name in names}


def table_to_buffer(table: pa.Table) -> Buffer:
    """A table as Arrow's stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def table_from_buffer(data: Buffer) -> pa.Table:
    """The table of an Arrow stream; its columns are views of `data`."""
    return pa.ipc.open_stream(pa.py_buffer(data)).read_all()


def _sources(faces: DecodedFaces) -> list[SourceWindow | EncodedPhoto]:
    photos = faces.photos or [None] * len(faces)
    return [window if photo is None else photo for window, photo in zip(faces.sources, photos, strict=True)]


def _lay_out(
    sources: Sequence[SourceWindow | EncodedPhoto], pieces: list[Buffer | np.ndarray]
) -> dict[str, np.ndarray]:
    """Put sources one after the other into `pieces`, a photo of several faces once; where each came to
    lie."""
    n = len(sources)
    where: dict[str, np.ndarray] = {
        "source_begin": np.zeros(n, np.int64),
        "source_end": np.zeros(n, np.int64),
        "source_wh_px": np.zeros((n, 2), np.int32),
        "image_to_source": np.zeros((n, 9), np.float64),
    }
    begin = end = 0
    run = -1
    for i, source in enumerate(sources):
        if isinstance(source, EncodedPhoto):
            if source.run != run:
                begin, end, run = end, end + len(source.data), source.run
                pieces.append(source.data)
            where["source_begin"][i], where["source_end"][i] = begin, end
        else:
            run = -1
            begin, end = end, end + source.pixels.nbytes
            pieces.append(np.ascontiguousarray(source.pixels))
            where["source_begin"][i], where["source_end"][i] = begin, end
            where["source_wh_px"][i] = source.pixels.shape[1], source.pixels.shape[0]
            where["image_to_source"][i] = source.image_to_source.reshape(-1)
    return where


def _rows_table(rows: Rows) -> pa.Table:
    malformed = [rows.malformed.get(i) for i in range(len(rows))]
    columns: dict[str, Any] = {
        "row": pa.array(rows.row, pa.int64()),
        "face_id": pa.array(rows.face_id, pa.string()),
        "image": pa.array(rows.image, pa.string()),
        "box_xywh_px": _fixed(rows.box_xywh_px),
        "malformed": pa.array(malformed, pa.string()),
    }
    if rows.landmarks_xy_px is not None:
        columns["landmarks_xy_px"] = _fixed(rows.landmarks_xy_px)
    columns |= {f"{_CARRIED}{name}": rows.carried[name] for name in rows.carried.column_names}
    return pa.table(columns)


def _rows_of(table: pa.Table) -> Rows:
    names = [name for name in table.column_names if name.startswith(_CARRIED)]
    carried = table.select(names).rename_columns([name.removeprefix(_CARRIED) for name in names])
    malformed = table["malformed"].to_pylist()
    has_landmarks = "landmarks_xy_px" in table.column_names
    return Rows(
        table["row"].to_pylist(),
        table["face_id"].to_pylist(),
        table["image"].to_pylist(),
        None,
        _matrix(table, "box_xywh_px"),
        {i: detail for i, detail in enumerate(malformed) if detail is not None},
        carried,
        _matrix(table, "landmarks_xy_px").reshape(len(table), -1, 2) if has_landmarks else None,
    )


def _decoded(table: pa.Table, n_rows: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each batch the places of its decoded faces in the part, and their photos' sizes and windows."""
    index = np.flatnonzero(table["decoded"].to_numpy(zero_copy_only=False))
    whs, windows = _matrix(table, "image_wh_px"), _matrix(table, "window_xyxy_px")
    for k in range(_n_batches(n_rows, size)):
        here = index[index // size == k]
        yield here, whs[here], windows[here]


def _n_batches(n_rows: int, size: int) -> int:
    return max(1, -(-n_rows // size))


def _absolute(position: np.ndarray, batch: int, size: int) -> np.ndarray:
    return np.asarray(position, dtype=np.int64) + batch * size


def _scattered(values: np.ndarray, index: np.ndarray, n: int) -> np.ndarray:
    """Values of some rows among n; 0 for the others."""
    whole = np.zeros((n, *values.shape[1:]), values.dtype)
    whole[index] = values
    return whole


def _fixed(values: np.ndarray) -> pa.Array:
    """An array of n rows as a column: numbers, or lists of equal length."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    width = int(np.prod(values.shape[1:])) if values.ndim > 1 else 1
    return flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, width)


def _matrix(table: pa.Table, name: str) -> np.ndarray:
    """The column that `_fixed` made, as (n, width), or (n,) where it is of numbers."""
    column = table[name].combine_chunks()
    if not pa.types.is_fixed_size_list(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(-1, column.type.list_size)


def _rejects_to_buffer(rejects: Iterable[Reject]) -> Buffer:
    rows = [{name: getattr(reject, name) for name in REJECT_SCHEMA.names} for reject in rejects]
    return table_to_buffer(pa.Table.from_pylist(rows, REJECT_SCHEMA))


def _rejects_from_buffer(data: Buffer) -> list[Reject]:
    return [
        Reject(**{**row, "stage": Stage(row["stage"]), "reason": Reason(row["reason"])})
        for row in table_from_buffer(data).to_pylist()
    ]
