import io
import json
import tarfile
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.tables import take_rows
from pipeline.reasons import Reason, Reject, Stage
from pipeline.stages.batches import FinishedFace, View
from pipeline.stages.write import poses_file, rejects_file, views_file

CARRIED = pa.schema([("subject", pa.string()), ("born", pa.date32()), ("weight", pa.float64())])


def face_of(row: int, **changes) -> FinishedFace:
    values = {
        "row": row,
        "face_id": f"../../etc/{row}\n.jpg",
        "image": "a.jpg",
        "image_wh_px": (640, 480),
        "box_xywh_px": np.array([1.0, 2, 3, 4]),
        "crop_xyxy_px": np.array([0, 0, 9, 9]),
        "rvec_rad": np.array([0.1, 0.2, 0.3]),
        "tvec_mm": np.array([1.0, 2, 3000]),
        "ypr_deg": np.array([-10.0, 5, 2]),
        "projection": np.arange(12.0).reshape(3, 4),
        "landmarks_xy_px": np.arange(136.0).reshape(68, 2),
        "confidence": None,
        "mirrored": True,
        "views": (View("0", 0.0, b"jpeg-0", 0.9, 0.1), View("40", 40.0, b"jpeg-40", 1.0, 0.0)),
        "aligned": None,
        "carried": pa.table([["s"], [date(2000, 1, 2)], [float("nan")]], CARRIED),
    }
    return FinishedFace(**{**values, **changes})


def test_poses_have_the_contracts_columns_and_types() -> None:
    table = pq.read_table(io.BytesIO(poses_file([face_of(3), face_of(4)], 7, CARRIED, landmarks=True)))
    row = table.to_pylist()[0]
    assert table.schema.names[:4] == ["face_id", "subject", "born", "weight"]
    assert row["face_id"] == "../../etc/3\n.jpg"
    assert row["projection"] == list(range(12))
    assert row["landmarks_xy_px"] == list(range(136))
    assert (row["yaw_deg"], row["pitch_deg"], row["roll_deg"]) == (-10, 5, 2)
    assert (row["image_width_px"], row["image_height_px"]) == (640, 480)
    assert (row["views"], row["mirrored"], row["part"], row["confidence"]) == (["0", "40"], True, 7, None)
    assert table.schema.field("rvec_rad").type == pa.list_(pa.float32(), 3)


def test_landmarks_can_be_left_out_and_a_part_can_be_empty() -> None:
    table = pq.read_table(io.BytesIO(poses_file([], 0, CARRIED, landmarks=False)))
    assert len(table) == 0
    assert "landmarks_xy_px" not in table.schema.names
    assert len(pq.read_table(io.BytesIO(rejects_file([])))) == 0


def test_rejects_say_where_and_why() -> None:
    reject = Reject(5, "f", "a.jpg", Stage.DECODE, Reason.IMAGE_MISSING, "there is no image")
    assert pq.read_table(io.BytesIO(rejects_file([reject]))).to_pylist() == [
        {
            "face_id": "f",
            "stage": "decode",
            "reason": "image_missing",
            "detail": "there is no image",
            "attempts": 1,
            "image": "a.jpg",
            "row": 5,
        }
    ]


def test_shard_members_have_safe_names_and_fixed_metadata() -> None:
    shard = views_file([face_of(512), face_of(513, views=())], 1, {512: 0, 513: 1}, "open-mean", "jpg")
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        members = tar.getmembers()
        assert [m.name for m in members] == [
            "000001-000000.0.jpg",
            "000001-000000.40.jpg",
            "000001-000000.json",
            "000001-000001.json",
        ]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {(0, 0, 0, "", 0o644)}
        record = json.load(tar.extractfile("000001-000000.json"))
    assert record["face_id"] == "../../etc/512\n.jpg"
    assert record["views"]["40"] == {
        "yaw_deg": 40.0,
        "head": "open-mean",
        "mirrored": True,
        "seen_fraction": 1.0,
        "filled_fraction": 0.0,
    }
    assert record["carried"] == {"subject": "s", "born": "2000-01-02", "weight": None}


def test_files_are_the_same_bytes_every_time() -> None:
    faces = [face_of(0), face_of(1)]
    assert poses_file(faces, 0, CARRIED, landmarks=True) == poses_file(faces, 0, CARRIED, landmarks=True)
    assert views_file(faces, 0, {0: 0, 1: 1}, "h", "jpg") == views_file(faces, 0, {0: 0, 1: 1}, "h", "jpg")


def test_carried_columns_go_through_untouched_whatever_their_types() -> None:
    carried = pa.table(
        {
            "far": pa.array([10**17, None]).cast(pa.timestamp("ms")),
            "fine": pa.array([1, None]).cast(pa.timestamp("ns")),
            "old": pa.array([-(10**6), None], pa.int32()).cast(pa.date32()),
            "flag": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None], pa.int8())),
            "view": pa.array(["a", None], pa.string_view()),
            "price": pa.array([Decimal("1.20"), None], pa.decimal128(9, 2)),
            "deep": pa.array([[{"a": [1, None]}], None]),
            "far_list": pa.array([[10**17], None], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("ms"))),
        }
    )
    faces = [face_of(n, carried=carried.slice(n, 1)) for n in (1, 0)]
    poses = pq.read_table(io.BytesIO(poses_file(faces, 7, carried.schema, landmarks=True)))
    assert poses.select(carried.column_names).equals(take_rows(carried, [1, 0]))
    with tarfile.open(fileobj=io.BytesIO(views_file(faces, 1, {0: 0, 1: 1}, "h", "jpg"))) as tar:
        records = [json.load(tar.extractfile(f"000001-00000{n}.json"))["carried"] for n in (0, 1)]
    assert records[1] == dict.fromkeys(carried.column_names)
    assert {name: records[0][name] for name in ("fine", "flag", "view", "price", "deep")} == {
        "fine": "1970-01-01 00:00:00.000000001",
        "flag": True,
        "view": "a",
        "price": "1.20",
        "deep": [{"a": [1, None]}],
    }
    assert all(records[0][name] is not None for name in ("far", "old", "far_list"))
