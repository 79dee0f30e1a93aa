import json
from datetime import UTC, datetime
from pathlib import Path

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
