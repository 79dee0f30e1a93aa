"""What the soak script judges by must see what is wrong."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from job_processes import Job
from soak_inputs import write_faces, write_tiny_network
from soak_memory import slope
from soak_results import lost_and_twice, results, torn

from fpn_core import PoseNetwork


def samples(mb_per_million: float) -> list[tuple[int, float]]:
    rng = np.random.default_rng(0)
    return [(i * 1000, 200 + mb_per_million * i / 1000 + rng.normal(0, 2)) for i in range(500)]


def test_growth_is_told_from_noise() -> None:
    flat, growing = slope(samples(0)), slope(samples(80))
    assert flat.is_flat
    assert not growing.is_flat
    assert growing.mb_per_million == pytest.approx(80, abs=5)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A job's output as far as the checks look: four faces in two parts."""
    for part, ids in enumerate((["a", "b"], ["c"])):
        table = pa.table({"face_id": ids})
        for folder in ("poses", "_ledger", "rejects"):
            (tmp_path / folder).mkdir(exist_ok=True)
        name = f"poses/part-{part:06d}.parquet"
        pq.write_table(table, tmp_path / name)
        files = {name: {"sha256": hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}}
        (tmp_path / f"_ledger/part-{part:06d}.json").write_text(json.dumps({"files": files}))
    pq.write_table(pa.table({"face_id": ["d"]}), tmp_path / "rejects/part-000000.parquet")
    return tmp_path


def test_what_is_lost_or_twice_is_counted(out: Path) -> None:
    pq.write_table(pa.table({"face_id": ["a", "b", "c", "d"]}), out / "manifest.parquet")
    assert lost_and_twice(out / "manifest.parquet", out) == (0, 0)
    pq.write_table(pa.table({"face_id": ["a", "x"]}), out / "rejects/part-000000.parquet")
    assert lost_and_twice(out / "manifest.parquet", out) == (1, 2)


def test_torn_commits_are_seen(out: Path) -> None:
    assert torn(out) == []
    (out / "poses/part-000001.parquet").write_bytes(b"half")
    (out / "_ledger/part-000000.json").write_text('{"files"')
    assert torn(out) == [
        "part-000000.json is torn",
        "poses/part-000001.parquet is not as part-000001.json says",
    ]


def test_temporary_files_are_no_results(out: Path) -> None:
    before = results(out)
    (out / "poses/.part-000002.parquet.xyz").write_bytes(b"")
    assert results(out) == before
    assert len(before) == 5


def test_a_run_is_watched_from_its_start_to_its_last_process(tmp_path: Path) -> None:
    with Job(tmp_path / "none.csv", tmp_path / "out", [], tmp_path / "log", tmp_path) as job:
        assert [process.role for process in job.processes()] == ["driver"]
        assert job.wait(60) == 1
        assert "there is no manifest" in job.said()
        assert job.left_behind(0) == []


def test_a_killed_run_is_seen(tmp_path: Path) -> None:
    with Job(tmp_path / "none.csv", tmp_path / "out", [], tmp_path / "log", tmp_path) as job:
        (driver,) = job.processes()
        assert job.kill(driver)
        assert job.wait(60) == -9
        assert not job.kill(driver)


def test_the_tiny_network_poses_everything_in_front_of_the_camera(tmp_path: Path) -> None:
    network = PoseNetwork(write_tiny_network(tmp_path / "tiny.onnx"), device="cpu")
    crops = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), np.uint8)
    crops[0], crops[1] = 0, 255
    poses = network(crops)
    assert (poses.finite & poses.in_front).all()
    assert len(np.unique(poses.tvec_mm, axis=0)) == 64


def test_the_faces_are_the_same_every_time(tmp_path: Path) -> None:
    first, second = write_faces(tmp_path / "a", 300), write_faces(tmp_path / "b", 300)
    assert first.read_bytes() == second.read_bytes()
    assert len(set(pq.read_table(first)["face_id"].to_pylist())) == 300
