from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import StorageError
from pipeline.export.index import Wanted, index_views
from pipeline.export.samples import SampleReader, sample_schema
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import MakeJob, finished_face, picture


def test_what_is_told_of_a_view(job: Folder) -> None:
    index = index_views(job, Wanted(by="subject_id"))
    with SampleReader(index) as reader:
        first, second, aligned = reader.read([0, 1, 2])
    assert (first.face_id, first.subject, first.label, first.view) == ("face 0", "bob", 2, "0")
    assert first.picture == picture(0, 0)
    assert second.picture == picture(0, 4)
    assert second.columns == {
        "face_id": "face 0",
        "view": "40",
        "label": 2,
        "subject_id": "bob",
        "age": 0,
        "seen": None,
        "photo": "photos/0.jpg",
        "view_yaw_deg": 40.0,
        "mirrored": False,
        "seen_fraction": 0.75,
        "filled_fraction": 0.25,
        "yaw_deg": 0.0,
        "pitch_deg": 5.0,
        "roll_deg": 2.0,
        "rvec_rad": [0.1, 0.2, 0.3],
        "tvec_mm": [1.0, 2.0, 3000.0],
        "confidence": None,
    }
    assert list(second.columns) == sample_schema(index).names
    assert aligned.view == "aligned"
    assert [aligned.columns[name] for name in ("view_yaw_deg", "seen_fraction", "filled_fraction")] == [
        None
    ] * 3


def test_carried_values_fit_their_columns_and_names_are_free(make_job: MakeJob, tmp_path: Path) -> None:
    carried = pa.schema(
        [
            ("born", pa.date32()),
            ("tags", pa.list_(pa.string())),
            ("raw", pa.binary()),
            ("count", pa.uint8()),
            ("share", pa.float16()),
            ("ok", pa.bool_()),
            ("kind", pa.dictionary(pa.int8(), pa.string())),
            ("label", pa.string()),
        ]
    )
    values = {
        "born": date(2000, 1, 2),
        "tags": ["a"],
        "raw": b"\xff",
        "count": 3,
        "share": 0.5,
        "ok": True,
        "kind": "k",
        "label": "theirs",
    }
    job = make_job(str(tmp_path), [finished_face(0, **values)], carried=carried)
    index = index_views(job, Wanted(("0",), by="kind"))
    with SampleReader(index) as reader:
        (sample,) = reader.read([0])
    table = pa.Table.from_pylist([sample.columns], sample_schema(index))
    row = table.select(["label", "born", "tags", "raw", "count", "share", "ok", "kind", "carried_label"])
    assert row.to_pylist() == [
        {
            "label": 0,
            "born": "2000-01-02",
            "tags": '["a"]',
            "raw": "ff",
            "count": 3,
            "share": 0.5,
            "ok": True,
            "kind": "k",
            "carried_label": "theirs",
        }
    ]


def test_views_in_a_store_are_read_ahead_and_stay_in_order(make_job: MakeJob) -> None:
    index = index_views(make_job("memory://samples/out", faces_per_part=2), Wanted())
    with SampleReader(index) as reader:
        assert [sample.picture for sample in reader.read(range(26))] == [
            sample.picture for place in range(26) for sample in reader.read([place])
        ]


def test_a_shard_that_shrinks_meanwhile_is_named(make_job: MakeJob, tmp_path: Path) -> None:
    index = index_views(make_job(str(tmp_path)), Wanted())
    (tmp_path / "views/part-000000.tar").write_bytes(b"")
    with (
        SampleReader(index) as reader,
        pytest.raises(StorageError, match="has changed while it was exported"),
    ):
        next(reader.read([0]))


def test_more_shards_than_may_be_open(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.export.samples._OPEN_SHARDS", 2)
    index = index_views(make_job(str(tmp_path), faces_per_part=1), Wanted(("40",)))
    with SampleReader(index) as reader:
        places = [8, 0, 5, 0, 8, 3]
        assert [sample.face_id for sample in reader.read(places)] == [f"face {n}" for n in places]
