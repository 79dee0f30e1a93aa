"""Where Ray Data reads parts from; read here without a Ray."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from pipeline.config.settings import ManifestSettings
from pipeline.engine.ray.rows import buffers_of, row_with
from pipeline.engine.ray.source import MOST_TASKS, ItemSource, PartSource, runs_of
from pipeline.manifest import open_manifest
from pipeline.stages.handover import rows_from_buffer
from pipeline.stages.part import Part


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """References are the values themselves."""
    monkeypatch.setattr(ray, "put", lambda value: value)
    monkeypatch.setattr(ray, "get", lambda value: value)


def write(folder: Path, n: int, **columns: list) -> Path:
    boxes = {name: [1.0] * n for name in ("x", "y", "width", "height")}
    ids = {"face_id": [f"f{i}" for i in range(n)]}
    pq.write_table(pa.table({**ids, **columns, **boxes}), folder / "faces.parquet", row_group_size=7)
    return folder / "faces.parquet"


@pytest.mark.usefixtures("no_ray")
def test_tasks_give_their_parts_one_by_one_with_their_rows(tmp_path: Path) -> None:
    manifest = open_manifest(str(write(tmp_path, 300, image=["a.jpg"] * 300)), ManifestSettings())
    parts = [Part(n, (rows,)) for n, rows in enumerate(manifest.slices(3))]
    tasks = PartSource(manifest, parts).get_read_tasks(1)
    assert len(tasks) == MOST_TASKS
    numbers, faces = [], []
    for task in tasks:
        blocks = list(task())
        assert len(blocks) == task.metadata.num_rows
        for block in blocks:
            assert block.num_rows == 1
            row = buffers_of(block, ("plan", "rows"))
            numbers.append(block["part"][0].as_py())
            assert Part.from_json(bytes(row["plan"])) == parts[numbers[-1]]
            faces += rows_from_buffer(row["rows"]).face_id
    assert numbers == list(range(100))
    assert faces == [f"f{i}" for i in range(300)]


@pytest.mark.usefixtures("no_ray")
def test_photos_in_the_manifest_are_left_to_those_who_decode_them(tmp_path: Path) -> None:
    manifest = open_manifest(str(write(tmp_path, 4, image_bytes=[b"jpeg"] * 4)), ManifestSettings())
    assert manifest.holds_images
    (task,) = PartSource(manifest, [Part(0, (manifest.slices(4)[0],))]).get_read_tasks(1)
    (block,) = task()
    assert bytes(buffers_of(block, ("rows",))["rows"]) == b""


def test_items_go_with_their_numbers() -> None:
    tasks = ItemSource([(7, {"chunk": b"a"}), (9, {"chunk": [b"b", b"c"]})]).get_read_tasks(1)
    rows = [block for task in tasks for block in task()]
    assert [(row["part"][0].as_py(), bytes(buffers_of(row, ("chunk",))["chunk"])) for row in rows] == [
        (7, b"a"),
        (9, b"bc"),
    ]


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 1000])
def test_runs_are_about_equal_and_hold_everything(n: int) -> None:
    runs = runs_of(range(n), min(MOST_TASKS, n))
    assert [value for run in runs for value in run] == list(range(n))
    assert max(map(len, runs)) - min(map(len, runs)) <= 1


def test_a_row_keeps_columns_where_they_are_in_memory() -> None:
    block = pa.table({"part": [1], "sources": pa.array([b"x" * 1000], pa.large_binary())})
    after = row_with(block, ("part", "sources", "absent"), {"entry": json.dumps({"part": 1}).encode()})
    assert after.column_names == ["part", "sources", "entry"]
    before_at = block["sources"].chunk(0).buffers()[2].address
    assert after["sources"].chunk(0).buffers()[2].address == before_at
