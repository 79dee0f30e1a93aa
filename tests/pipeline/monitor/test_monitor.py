import json
import threading
import time
from pathlib import Path

import pytest

from pipeline.errors import JobIncompleteError
from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry
from pipeline.monitor import monitor as module
from pipeline.monitor.heartbeat import HEARTBEAT_NAME
from pipeline.monitor.monitor import watched
from pipeline.monitor.progress import Progress

ENTRY = LedgerEntry(0, "f", 2, 1, 1, 5, {"timeout": 1})


def heartbeat(folder: Path) -> dict:
    return json.loads((folder / HEARTBEAT_NAME).read_text())


def test_the_end_of_a_job_is_its_last_heartbeat(tmp_path: Path) -> None:
    said: list[str] = []
    with watched(Progress(total=2), Folder(str(tmp_path)), 60.0, said.append) as watch:
        watch.add(ENTRY)
        watch.say("more")
    assert said == ["more"]
    assert (heartbeat(tmp_path)["phase"], heartbeat(tmp_path)["faces_done"]) == ("finished", 2)


@pytest.mark.parametrize(
    ("error", "phase"),
    [(JobIncompleteError("two are missing"), "failed"), (KeyboardInterrupt(), "interrupted")],
)
def test_a_job_that_fails_says_so(error: BaseException, phase: str, tmp_path: Path) -> None:
    with (
        pytest.raises(type(error)),
        watched(Progress(total=2), Folder(str(tmp_path)), 60.0, print),
    ):
        raise error
    assert heartbeat(tmp_path)["phase"] == phase
    assert heartbeat(tmp_path).get("error") == ("two are missing" if phase == "failed" else None)
    assert not [name for name in tmp_path.iterdir() if name.name != HEARTBEAT_NAME]


def test_hearts_beat_while_nothing_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TICK_S", 0.01)
    beats: list[str] = []
    twice = threading.Event()

    def write(self, phase, error=None) -> None:
        beats.append(phase)
        if len(beats) == 2:
            twice.set()

    monkeypatch.setattr("pipeline.monitor.heartbeat.Heartbeat.write", write)
    with watched(Progress(total=2), Folder(str(tmp_path)), 0.01, print):
        assert twice.wait(30)
    assert beats[:2] == ["starting", "starting"]
    assert beats[-1] == "finished"


def test_without_an_interval_no_heart_beats(tmp_path: Path) -> None:
    with watched(Progress(total=2), Folder(str(tmp_path)), None, print) as watch:
        watch.add(ENTRY)
    assert list(tmp_path.iterdir()) == []


def test_two_runs_in_one_folder_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TICK_S", 0.01)
    monkeypatch.setattr(module, "_LOOKED_AGAIN_S", 0.1)
    told = threading.Event()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        told.set()

    out = Folder(str(tmp_path))
    with watched(Progress(total=2), out, 60.0, say), watched(Progress(total=2), out, 60.0, say):
        assert told.wait(30)
        time.sleep(0.2)
    assert 1 <= len(said) <= 2  # once by each run, at most
    assert all("another run is at work in this folder" in text for text in said)
