"""Rejected faces tried again."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.io.storage import Folder
from pipeline.job.run import retry_job
from pipeline.job.verify import verify
from tests.e2e.running import files_of, run
from tests.photos import FACE_XYWH_PX, write_portrait

pytestmark = pytest.mark.usefixtures("shared_ray")


def test_rejects_are_tried_again_into_new_parts(tmp_path: Path) -> None:
    for n in (0, 3, 4):
        write_portrait(tmp_path / f"{n}.jpg")
    (tmp_path / "4.jpg").write_bytes(b"no picture")
    box = ",".join(map(str, FACE_XYWH_PX))
    (tmp_path / "list.txt").write_text("".join(f"{n}.jpg,{box}\n" for n in range(5)) + "0.jpg,0,0,0,0\n")
    out = tmp_path / "out"
    run(tmp_path / "list.txt", out, "output.faces_per_part=2", "render.size_px=64", "render.views_deg=[40]")
    before = files_of(out)
    write_portrait(tmp_path / "1.jpg")
    write_portrait(tmp_path / "4.jpg")

    said: list[str] = []
    first = retry_job(str(out), ["image_missing"], None, say=said.append)
    assert said[0] == "trying again: 2 faces in 1 parts"
    assert (first.totals.posed, first.totals.rejected) == (3, 3)
    assert dict(first.totals.rejects_by_reason) == {
        "box_invalid": 1,
        "image_missing": 1,
        "image_unreadable": 1,
    }
    assert verify(Folder(str(out))).problems == []
    again = pd.read_parquet(out / "rejects/part-000003.parquet")
    assert again[["row", "reason", "attempts"]].to_numpy().tolist() == [[2, "image_missing", 2]]

    second = retry_job(str(out), [], None, say=said.append)
    assert (second.totals.posed, second.totals.rejected, second.totals.faces) == (4, 2, 6)
    assert verify(Folder(str(out))).problems == []
    found = verify(Folder(str(out)))
    assert (found.parts, found.posed, found.rejected) == (6, 4, 2)
    poses = pd.read_parquet(out / "poses")
    assert sorted(poses.face_id) == ["000000000", "000000001", "000000003", "000000004"]
    assert {name: data for name, data in files_of(out).items() if name in before} == before


def test_a_retry_that_was_stopped_continues_with_the_same_faces(tmp_path: Path) -> None:
    box = ",".join(map(str, FACE_XYWH_PX))
    (tmp_path / "list.txt").write_text("".join(f"{n}.jpg,{box}\n" for n in range(3)))
    out = tmp_path / "out"
    run(tmp_path / "list.txt", out, "output.faces_per_part=2")
    retry_job(str(out), [], None, say=lambda text: None)
    (out / "_ledger/part-000003.json").unlink()
    assert "part 3 is not committed" in verify(Folder(str(out))).problems
    said: list[str] = []
    retry_job(str(out), [], None, say=said.append)
    assert said[0] == "continuing the retry: 3 faces in 2 parts"
    assert verify(Folder(str(out))).problems == []


def test_nothing_to_retry_is_said_without_starting_anything(tmp_path: Path) -> None:
    write_portrait(tmp_path / "0.jpg")
    (tmp_path / "list.txt").write_text("0.jpg," + ",".join(map(str, FACE_XYWH_PX)))
    run(tmp_path / "list.txt", tmp_path / "out", "render.enabled=false")
    said: list[str] = []
    summary = retry_job(str(tmp_path / "out"), [], None, say=said.append)
    assert said[0] == "trying again: 0 faces in 0 parts"
    assert summary.faces_this_run == 0
