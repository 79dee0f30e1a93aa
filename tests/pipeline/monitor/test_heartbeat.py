import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.io.storage import Folder
from pipeline.monitor.heartbeat import HEARTBEAT_NAME, Heartbeat
from pipeline.monitor.progress import Progress


def test_a_heartbeat_says_when_where_and_how_far(tmp_path: Path) -> None:
    Heartbeat(Folder(str(tmp_path)), Progress(total=7)).write("failed", "at s3://key:secret@bucket/x")
    found = json.loads((tmp_path / HEARTBEAT_NAME).read_text())
    assert abs((datetime.now(UTC) - datetime.fromisoformat(found["time"])).total_seconds()) < 60
    assert (found["phase"], found["faces"], found["faces_done"]) == ("failed", 7, 0)
    assert found["error"] == "at s3://bucket/x"
    assert {"host", "pid", "faces_per_s", "left_s", "rejects_this_run"} <= found.keys()


def test_a_folder_that_cannot_take_it_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Heartbeat(Folder(str(tmp_path / "file")), Progress(total=7)).write("running")


def test_another_run_in_the_same_folder_is_noticed(tmp_path: Path) -> None:
    out = Folder(str(tmp_path))
    mine, other = Heartbeat(out, Progress(total=7)), Heartbeat(out, Progress(total=7))
    assert mine.other_run() is None
    mine.write("running")
    assert mine.other_run() is None
    assert str(other.other_run()).startswith(f"process {os.getpid()} on ")
    other.write("finished")
    assert mine.other_run() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2020-01-01T00:00:00+00:00"},
        {"pid": 2**22 + 1},
        {"time": "yesterday"},
        {"phase": "failed"},
        {"interval_s": None},
    ],
)
def test_a_run_that_ended_or_was_killed_is_no_other_run(tmp_path: Path, changes: dict) -> None:
    out = Folder(str(tmp_path))
    Heartbeat(out, Progress(total=7)).write("running")
    record = json.loads((tmp_path / HEARTBEAT_NAME).read_text()) | changes
    (tmp_path / HEARTBEAT_NAME).write_text(json.dumps(record))
    assert Heartbeat(out, Progress(total=7)).other_run() is None
