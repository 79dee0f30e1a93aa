"""What a job leaves beside its results: heartbeat and leftovers, which verify and resume do not mind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import JobIncompleteError
from pipeline.io.storage import Folder
from pipeline.job.verify import verify
from tests.e2e.running import files_of, run
from tests.photos import FACE_XYWH_PX, write_portrait

SETTINGS = ("render.enabled=false", "engine.workers=1")


def test_a_job_leaves_a_heartbeat_and_takes_old_leftovers_away(tmp_path: Path) -> None:
    box = ",".join(map(str, FACE_XYWH_PX))
    write_portrait(tmp_path / "0.jpg")
    (tmp_path / "list.txt").write_text(f"0.jpg,{box}\n1.jpg,{box}\n")
    out = tmp_path / "out"

    with pytest.raises(JobIncompleteError):
        run(tmp_path / "list.txt", out, "output.max_reject_fraction=0.1", *SETTINGS)
    heart = json.loads((out / "_heartbeat.json").read_text())
    assert (heart["phase"], heart["faces_done"], heart["rejects_this_run"]) == (
        "failed",
        2,
        {"image_missing": 1},
    )
    assert "1 of 2 faces are rejected" in heart["error"]

    before = files_of(out)
    old, new = out / "poses/.part-000000.parquet.abcd_123", out / "poses/.part-000001.parquet.abcd_123"
    for file, age_s in ((old, 1e6), (new, 60.0)):
        file.write_bytes(b"half")
        os.utime(file, (time.time() - age_s,) * 2)
    (out / "_heartbeat.json").write_text("torn")
    assert run(tmp_path / "list.txt", out, *SETTINGS).faces_this_run == 0
    assert json.loads((out / "_heartbeat.json").read_text())["phase"] == "finished"
    assert (old.exists(), new.exists()) == (False, True)
    new.unlink()
    assert files_of(out) == before
    assert verify(Folder(str(out))).problems == []


@pytest.mark.parametrize(
    ("asked", "code", "runner"), [(signal.SIGINT, 130, "local"), (signal.SIGTERM, 143, "ray")]
)
def test_a_job_that_is_asked_to_end_says_so(
    asked: signal.Signals, code: int, runner: str, tmp_path: Path
) -> None:
    write_portrait(tmp_path / "0.jpg")
    (tmp_path / "list.txt").write_text(f"0.jpg,{','.join(map(str, FACE_XYWH_PX))}\n" * 300)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pipeline", "run", str(tmp_path / "list.txt"), str(out)]
    for setting in (*SETTINGS, "output.faces_per_part=1", f"engine.runner={runner}"):
        command += ["--set", setting]
    # A shell starts what it puts in the background, such as this test's run, deaf to SIGINT, and that is
    # inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    deadline_s = time.monotonic() + 100
    while not list(out.glob("_ledger/part-*.json")) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    job.send_signal(asked)
    said = job.communicate(timeout=60)
    assert (job.returncode, said[0]) == (code, "")
    assert "the same command continues" in said[1]
    heart = json.loads((out / "_heartbeat.json").read_text())
    assert heart["phase"] == "interrupted"
    assert heart["faces_done"] < 300
