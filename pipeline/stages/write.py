"""Fourth stage: finished faces to the three files of a part, byte for byte the same on every run."""

import io
import json
import math
import tarfile
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.tables import python_rows
from pipeline.reasons import Reject
from pipeline.stages.batches import FinishedFace

REJECT_SCHEMA = pa.schema(
    [
        ("face_id", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("attempts", pa.int32()),
        ("image", pa.string()),
        ("row", pa.int64()),
    ]
)


def pose_schema(carried: pa.Schema) -> pa.Schema:
    """Columns of the poses: the manifest's carried ones between the face's id and its pose."""
    return pa.schema(
        [
            pa.field("face_id", pa.string()),
            *carried,
            pa.field("image", pa.string()),
            pa.field("image_width_px", pa.int32()),
            pa.field("image_height_px", pa.int32()),
            pa.field("box_xywh_px", pa.list_(pa.float32(), 4)),
            pa.field("crop_xyxy_px", pa.list_(pa.float32(), 4)),
            pa.field("rvec_rad", pa.list_(pa.float32(), 3)),
            pa.field("tvec_mm", pa.list_(pa.float32(), 3)),
            pa.field("yaw_deg", pa.float32()),
            pa.field("pitch_deg", pa.float32()),
            pa.field("roll_deg", pa.float32()),
            pa.field("projection", pa.list_(pa.float32(), 12)),
            pa.field("landmarks_xy_px", pa.list_(pa.float32(), 136)),
            pa.field("mirrored", pa.bool_()),
            pa.field("views", pa.list_(pa.string())),
            pa.field("views_seen_fraction", pa.list_(pa.float32())),
            pa.field("views_filled_fraction", pa.list_(pa.float32())),
            pa.field("part", pa.int32()),
            pa.field("confidence", pa.float32()),
        ]
    )


def poses_file(faces: list[FinishedFace], part: int, carried: pa.Schema, *, landmarks: bool) -> bytes:
    """The Parquet file of a part's poses, one row a face, in the order of the manifest."""
    ypr_deg = np.array([face.ypr_deg for face in faces], dtype=np.float32).reshape(-1, 3)
    table = carried_of(faces, carried)
    columns = {
        "face_id": [face.face_id for face in faces],
        "image": [face.image for face in faces],
        "image_width_px": [face.image_wh_px[0] for face in faces],
        "image_height_px": [face.image_wh_px[1] for face in faces],
        "box_xywh_px": _vectors([face.box_xywh_px for face in faces], 4),
        "crop_xyxy_px": _vectors([face.crop_xyxy_px for face in faces], 4),
        "rvec_rad": _vectors([face.rvec_rad for face in faces], 3),
        "tvec_mm": _vectors([face.tvec_mm for face in faces], 3),
        "yaw_deg": ypr_deg[:, 0],
        "pitch_deg": ypr_deg[:, 1],
        "roll_deg": ypr_deg[:, 2],
        "projection": _vectors([face.projection for face in faces], 12),
        "landmarks_xy_px": _vectors([face.landmarks_xy_px for face in faces], 136),
        "mirrored": [face.mirrored for face in faces],
        "views": [[view.name for view in face.views] for face in faces],
        "views_seen_fraction": [[view.seen_fraction for view in face.views] for face in faces],
        "views_filled_fraction": [[view.filled_fraction for view in face.views] for face in faces],
        "part": np.full(len(faces), part, dtype=np.int32),
        "confidence": [face.confidence for face in faces],
    }
    schema = pose_schema(carried)
    if not landmarks:
        schema = schema.remove(schema.get_field_index("landmarks_xy_px"))
    arrays = [
        pa.array(columns[name], schema.field(name).type) if name in columns else table[name]
        for name in schema.names
    ]
    return parquet_file(pa.table(arrays, schema))


def carried_of(faces: Sequence[FinishedFace], carried: pa.Schema) -> pa.Table:
    """The carried columns of faces, one row a face."""
    if not faces or not carried.names:
        return carried.empty_table()
    return pa.concat_tables([face.carried for face in faces]).combine_chunks()


def rejects_file(rejects: list[Reject]) -> bytes:
    """The Parquet file of a part's rejects, in the order of the manifest."""
    rows = [{name: getattr(reject, name) for name in REJECT_SCHEMA.names} for reject in rejects]
    return parquet_file(pa.Table.from_pylist(rows, REJECT_SCHEMA))


def views_file(
    faces: list[FinishedFace], part: int, place: Mapping[int, int], head: str, extension: str
) -> bytes:
    """The WebDataset shard of a part's views: `<key>.<view>.jpg` and `<key>.json` for each face, and where
    asked for the upright crop `<key>.aligned.jpg`; other formats have another `extension`.

    `place`: row of the manifest -> place in the part. Keys are made of part and place, never of the
    manifest's text. Members are sorted and carry no time or owner, so that a shard is the same on every
    run.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for face, carried in zip(faces, _carried_values(faces), strict=True):
            key = f"{part:06d}-{place[face.row]:06d}"
            members = {f"{key}.{view.name}.{extension}": view.encoded for view in face.views}
            if face.aligned is not None:
                members[f"{key}.aligned.{extension}"] = face.aligned
            members[f"{key}.json"] = _face_json(face, carried, head)
            for name in sorted(members):
                info = tarfile.TarInfo(name)
                info.size = len(members[name])
                info.mode = 0o644
                tar.addfile(info, io.BytesIO(members[name]))
    return buffer.getvalue()


def _face_json(face: FinishedFace, carried: dict[str, object], head: str) -> bytes:
    yaw_deg, pitch_deg, roll_deg = face.ypr_deg.tolist()
    record = {
        "face_id": face.face_id,
        "image": face.image,
        "image_wh_px": list(face.image_wh_px),
        "box_xywh_px": face.box_xywh_px.tolist(),
        "crop_xyxy_px": face.crop_xyxy_px.tolist(),
        "rvec_rad": face.rvec_rad.tolist(),
        "tvec_mm": face.tvec_mm.tolist(),
        "yaw_deg": yaw_deg,
        "pitch_deg": pitch_deg,
        "roll_deg": roll_deg,
        "confidence": face.confidence,
        "views": {
            view.name: {
                "yaw_deg": view.yaw_deg,
                "head": head,
                "mirrored": face.mirrored,
                "seen_fraction": round(view.seen_fraction, 4),
                "filled_fraction": round(view.filled_fraction, 4),
            }
            for view in face.views
        },
        "carried": carried,
    }
    return json.dumps(_plain(record), ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")


def _carried_values(faces: Sequence[FinishedFace]) -> list[dict[str, object]]:
    if not faces:
        return []
    schema = faces[0].carried.schema
    return python_rows(carried_of(faces, schema)) if schema.names else [{} for _ in faces]


def _plain(value: object) -> object:
    """A value that JSON has: NaN and infinities as null, bytes as hex, dates and the like as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def _vectors(rows: Iterable[np.ndarray], width: int) -> pa.Array:
    flat = np.array([np.ravel(row) for row in rows], dtype=np.float32).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), width)


def parquet_file(table: pa.Table) -> bytes:
    """A table as the file of a part."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())
