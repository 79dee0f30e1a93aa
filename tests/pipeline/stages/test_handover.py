"""A part between stages: what goes in comes out, and staged results are those of one process (see
test_supervisor)."""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from pipeline.config.settings import load_config
from pipeline.engine.messages import Received, joined
from pipeline.engine.quarantine import Care, Exclusion, report_nothing
from pipeline.job.fingerprint import PreparedJob, prepare_job
from pipeline.manifest import Rows, Slice
from pipeline.reasons import Reason, Stage
from pipeline.stages import handover
from pipeline.stages.part import Again, Part
from pipeline.stages.registry import make_item, make_setup, make_stage
from tests.bad_input import write_cases
from tests.photos import FACE_XYWH_PX, portrait, write_portrait


def rows_of(n: int) -> Rows:
    carried = pa.table({"label": pa.array([1, None, 3][:n]), "tags": pa.array([["a"], [], None][:n])})
    return Rows(
        list(range(5, 5 + n)),
        ["a", "bü", ""][:n],
        ["a.jpg", "a.jpg", "b.jpg"][:n],
        None,
        np.arange(4.0 * n).reshape(n, 4),
        {1: "three fields"},
        carried,
        np.full((n, 68, 2), np.nan),
    )


def test_rows_come_out_as_they_went_in() -> None:
    rows = rows_of(3)
    back = handover.rows_from_buffer(handover.rows_to_buffer(rows))
    for name in ("row", "face_id", "image", "image_bytes", "malformed"):
        assert getattr(back, name) == getattr(rows, name)
    assert np.array_equal(back.box_xywh_px, rows.box_xywh_px)
    assert back.carried.equals(rows.carried)
    assert back.landmarks_xy_px is not None
    assert back.landmarks_xy_px.shape == (3, 68, 2)


def test_rows_without_carried_columns_come_out() -> None:
    rows = rows_of(3)
    bare = Rows(rows.row, rows.face_id, rows.image, None, rows.box_xywh_px, {}, rows.carried.select([]))
    back = handover.rows_from_buffer(handover.rows_to_buffer(bare))
    assert (back.carried.num_columns, back.landmarks_xy_px, back.malformed) == (0, None, {})


def test_a_plan_comes_out_as_it_went_in() -> None:
    for part in (
        Part(3, (Slice(10, 5, 100, 200),)),
        Part(7, (Slice(0, 5), Slice(5, 5)), Again(2, {3: 1, 9: 4}, {"timeout": 2})),
    ):
        assert Part.from_json(part.to_json()) == part


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Every kind of bad input, five faces in one photo, small photos, and a large one."""
    cases = write_cases(tmp_path)
    lines = [f"{case.image},{','.join(map(str, case.box))}" for case in cases if "," not in case.image]
    write_portrait(tmp_path / "portrait.jpg")
    x, y, width, height = FACE_XYWH_PX
    lines += [f"portrait.jpg,{x + k},{y},{width},{height}" for k in range(5)]
    cv2.imwrite(str(tmp_path / "large.jpg"), cv2.resize(portrait(), (3000, 3000)))
    lines += [f"large.jpg,{x * 5.86},{y * 5.86},{width * 5.86},{height * 5.86}"]
    cv2.imwrite(str(tmp_path / "small.png"), portrait()[60:200, 150:290])
    lines += ["small.png,26,12,92,113"]
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "list.txt"


def run(prepared: PreparedJob, kinds: tuple[str, ...], care: Care, *, with_rows: bool) -> list[Received]:
    """The stages in this process, one after the other, as actors chain them; what each gave for the first
    part."""
    setup = make_setup(prepared.job, "cpu")
    gave: list[Received] = []
    stages = {kind: make_stage(kind, setup, report_nothing) for kind in kinds}
    for part in prepared.parts:
        row = received(make_item(part))
        if with_rows:
            row |= received({"rows": handover.rows_to_buffer(part.read(prepared.job.manifest))})
        for stage in stages.values():
            result = received(stage(row, care))
            row |= result
            gave.append(result)
    return gave[: len(kinds)]


def received(buffers: object) -> Received:
    return {name: memoryview(bytearray(joined(data))) for name, data in dict(buffers).items()}  # type: ignore[call-overload]


def results(out: Path) -> dict[str, bytes]:
    kept = ("poses", "views", "rejects", "_ledger")
    return {str(f.relative_to(out)): f.read_bytes() for kind in kept for f in sorted((out / kind).glob("*"))}


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("render.mode=compat",),
        ("render.enabled=false",),
        ("render.enabled=false", "render.aligned_px=64"),
        ("images.scaled_decode=false", "render.background=blur"),
    ],
    ids=" ".join,
)
def test_three_stages_give_the_bytes_of_one(
    manifest: Path, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    small = ("render.size_px=64", "render.views_deg=[0, 40]", "output.faces_per_part=16", "pose.batch_size=3")
    config = load_config(None, [*small, *settings])
    care = Care({7: Exclusion(Stage.DECODE, Reason.WORKER_CRASH, "signal 11", 2)})
    whole = prepare_job(str(manifest), str(tmp_path / "whole"), config)
    run(whole, ("whole",), care, with_rows=False)
    staged = prepare_job(str(manifest), str(tmp_path / "staged"), config)
    run(staged, ("decode", "pose", "render"), care, with_rows=True)
    assert results(tmp_path / "staged") == results(tmp_path / "whole")


def test_the_smaller_of_photo_and_window_travels_and_a_photo_once(tmp_path: Path) -> None:
    write_portrait(tmp_path / "photo.jpg")
    box = ",".join(map(str, FACE_XYWH_PX))
    (tmp_path / "tiny.txt").write_text("photo.jpg,200,100,9,9\n")
    (tmp_path / "five.txt").write_text(f"photo.jpg,{box}\n" * 5)
    size = (tmp_path / "photo.jpg").stat().st_size

    def sources(name: str) -> int:
        config = load_config(None, ["render.size_px=224", "pose.batch_size=8"])
        prepared = prepare_job(str(tmp_path / name), str(tmp_path / f"out-{name}"), config)
        decoded = run(prepared, ("decode", "pose", "render"), Care(), with_rows=True)[0]
        return len(decoded["sources"])

    assert sources("five.txt") == size  # for all five, each of whose windows is 140 kB
    assert sources("tiny.txt") == 3 * 19 * 19


def test_the_pose_stage_neither_gets_nor_gives_the_renderers_pixels(manifest: Path, tmp_path: Path) -> None:
    config = load_config(None, ["render.size_px=64", "output.faces_per_part=100"])
    prepared = prepare_job(str(manifest), str(tmp_path / "out"), config)
    decoded, posed, rendered = run(prepared, ("decode", "pose", "render"), Care(), with_rows=True)
    assert set(decoded) == {"faces", "crops", "sources", "rejects"}
    assert set(posed) == {"poses", "rejects"}
    assert set(rendered) == {"entry"}
    faces = json.loads(bytes(rendered["entry"]))["posed"]
    assert len(posed["poses"]) < 1000 * faces + 2000


def test_crops_are_read_without_a_copy(tmp_path: Path) -> None:
    write_portrait(tmp_path / "photo.jpg")
    (tmp_path / "list.txt").write_text(f"photo.jpg,{','.join(map(str, FACE_XYWH_PX))}\n" * 4)
    prepared = prepare_job(str(tmp_path / "list.txt"), str(tmp_path / "out"), load_config())
    stage = make_stage("decode", make_setup(prepared.job, "cpu"), report_nothing)
    given = received(stage(received(make_item(prepared.parts[0])), Care()))
    size_px = prepared.job.spec.size_px
    batches = list(
        handover.decoded_from_buffers(given["faces"], given["crops"], given["rejects"], 3, size_px)
    )
    assert [len(batch) for batch in batches] == [3, 1]
    assert all(np.shares_memory(batch.crops, np.frombuffer(given["crops"], np.uint8)) for batch in batches)
