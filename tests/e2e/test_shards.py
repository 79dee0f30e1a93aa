"""One job on several machines that share nothing but the output folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bad_input import write_cases
from tests.e2e.running import files_of, run

SETTINGS = ("output.faces_per_part=3", "render.size_px=32", "render.views_deg=[40]", "engine.cpus=1")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    lines = [f"{n},{case.image},{','.join(map(str, case.box))}" for n, case in enumerate(write_cases(folder))]
    (folder / "faces.csv").write_text("\n".join(["face_id,image,x,y,width,height", *lines]) + "\n")
    return folder / "faces.csv"


@pytest.fixture(scope="module")
def whole(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    run(manifest, out, *SETTINGS)
    return out


def _start(manifest: Path, out: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", str(manifest), str(out), *settings, *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_tasks_of_a_slurm_array_make_the_bytes_of_one_run(
    manifest: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    array = {"SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "2"}
    tasks = [_start(manifest, out, SLURM_ARRAY_TASK_ID=str(n), **array) for n in range(3)]
    said = [task.communicate() for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0, 0], said
    assert all(f"shard {n}/3" in err for n, (_, err) in enumerate(said, 1))
    assert files_of(out) == files_of(whole)
    ours, one = (json.loads((folder / "summary.json").read_text()) for folder in (out, whole))
    assert {key: ours[key] for key in ("faces", "posed", "rejected", "views", "rejects_by_reason")} == {
        key: one[key] for key in ("faces", "posed", "rejected", "views", "rejects_by_reason")
    }


def test_a_lost_shard_is_done_by_anyone_and_whoever_ends_last_writes_the_summary(
    manifest: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for number in (1, 3):
        shard = _start(manifest, out, "--shard", f"{number}/3")
        told, _ = shard.communicate()
        assert shard.returncode == 0
        assert "parts are left for the others" in told
        assert not (out / "summary.json").exists()
    for n, path in enumerate(sorted((out / "_ledger").iterdir())):
        if n % 2:
            path.unlink()  # as if it had been lost before its commit
    rest = _start(manifest, out, "--json")
    told, _ = rest.communicate()
    assert rest.returncode == 0
    assert json.loads(told)["unfinished_parts"] == 0
    assert files_of(out) == files_of(whole)
    assert (out / "summary.json").exists()


def test_a_shard_beyond_the_count_touches_nothing(manifest: Path, tmp_path: Path) -> None:
    shard = _start(manifest, tmp_path / "out", "--shard", "4/3")
    _, said = shard.communicate()
    assert shard.returncode == 2
    assert said == "error: there is no shard 4 of 3: shards are counted from 1/3 to 3/3\n"
    assert not (tmp_path / "out").exists()


def test_ray_starts_on_all_nodes_and_runs_the_job_on_one(manifest: Path, whole: Path, tmp_path: Path) -> None:
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    out = tmp_path / "out"
    ray = shutil.which("ray", path=str(Path(sys.executable).parent))
    assert ray is not None
    start = [ray, "symmetric-run", "--address", "127.0.0.1:6401", "--min-nodes", "1", "--num-cpus", "2"]
    settings += ["--address", "auto"]
    found = subprocess.run(
        [*start, "--", sys.executable, "-m", "pipeline", "run", str(manifest), str(out), *settings],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    if "Ray is already started on this node" in found.stderr:
        pytest.skip("another Ray runs on this machine, beside which ray symmetric-run starts none")
    assert found.returncode == 0, found.stdout + found.stderr
    assert files_of(out) == files_of(whole)
