"""Whole jobs through Ray Data, read back as a user would."""

import gc
import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset

from pipeline.errors import JobIncompleteError, ResourceError
from pipeline.io.storage import Folder
from pipeline.job.verify import verify
from tests.bad_input import Case, write_cases
from tests.e2e.running import files_of, run
from tests.photos import FACE_XYWH_PX, write_portrait

pytestmark = pytest.mark.usefixtures("shared_ray")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Case]]:
    folder = tmp_path_factory.mktemp("cases")
    cases = write_cases(folder)
    columns = {
        "face_id": [case.name for case in cases],
        "image": [case.image for case in cases],
        **{
            name: [float(case.box[i]) for case in cases]
            for i, name in enumerate(("x", "y", "width", "height"))
        },
        "subject_id": ["collins"] * len(cases),
    }
    pq.write_table(pa.table(columns), folder / "faces.parquet")
    return folder / "faces.parquet", cases


@pytest.fixture(scope="module")
def finished(
    cases: tuple[Path, list[Case]], tmp_path_factory: pytest.TempPathFactory, shared_ray: None
) -> Path:
    """A job over every kind of good and bad input, in parts of 4 faces."""
    out = tmp_path_factory.mktemp("jobs") / "out"
    run(cases[0], out, "output.faces_per_part=4", "pose.batch_size=3", "render.size_px=64")
    return out


def test_every_face_is_posed_or_rejected_for_the_right_reason(
    cases: tuple[Path, list[Case]], finished: Path
) -> None:
    rejects = pd.read_parquet(finished / "rejects")
    poses = pd.read_parquet(finished / "poses")
    expected = {case.name: case.reason for case in cases[1] if case.reason}
    assert dict(zip(rejects.face_id, rejects.reason, strict=True)) == expected
    assert sorted(poses.face_id) == sorted(case.name for case in cases[1] if not case.reason)
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["posed"] + summary["rejected"] == summary["faces"] == len(cases[1])
    assert summary["rejects_by_reason"] == rejects.reason.value_counts().to_dict()


def test_the_output_verifies(finished: Path) -> None:
    found = verify(Folder(str(finished)))
    assert found.problems == []
    assert found.parts == found.expected_parts == 6


def test_poses_read_with_pandas_mean_what_they_say(finished: Path) -> None:
    pose = pd.read_parquet(finished / "poses").set_index("face_id").loc["good"]
    assert pose.subject_id == "collins"
    assert (pose.image_width_px, pose.image_height_px) == (512, 512)
    np.testing.assert_array_equal(pose.box_xywh_px, np.float32(FACE_XYWH_PX))
    projection = pose.projection.reshape(3, 4)
    # The head's origin lies inside the face; its depth is tvec's z.
    x, y, depth = projection[:, 3]
    assert depth == pytest.approx(pose.tvec_mm[2])
    assert 176 < x / depth < 268
    assert 72 < y / depth < 185
    rotation, _ = cv2.Rodrigues(pose.rvec_rad.astype(float))
    assert pose.yaw_deg == pytest.approx(-np.degrees(np.arcsin(rotation[2, 0])), abs=1e-3)
    eyes = pose.landmarks_xy_px.reshape(68, 2)[36:48].mean(axis=0)
    np.testing.assert_allclose(eyes, [222, 103], atol=8)  # where a person sees them in the portrait


# webdataset leaves its shards to the garbage collector, which is called here so that no later test is blamed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_views_read_with_webdataset(finished: Path) -> None:
    poses = pd.read_parquet(finished / "poses").set_index("face_id")
    shards = [str(path) for path in sorted((finished / "views").glob("*.tar"))]
    seen = {}
    for sample in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False):
        record = json.loads(sample["json"])
        names = sorted((key.removesuffix(".jpg") for key in sample if key.endswith(".jpg")), key=float)
        seen[record["face_id"]] = names
        assert record["carried"] == {"subject_id": "collins"}
        for name in names:
            view = cv2.imdecode(np.frombuffer(sample[f"{name}.jpg"], np.uint8), cv2.IMREAD_COLOR)
            assert view.shape == (64, 64, 3)
            assert view.std() > 10
            assert record["views"][name]["yaw_deg"] == float(name)
    gc.collect()
    assert seen == {face_id: list(pose.views) for face_id, pose in poses.iterrows()}


def test_half_a_face_outside_the_photo_is_posed_like_the_reference_pads(finished: Path) -> None:
    pose = pd.read_parquet(finished / "poses").set_index("face_id").loc["half-outside"]
    assert pose.crop_xyxy_px[0] < 0


@pytest.mark.parametrize("where", ["layout=fused", "layout=staged", "runner=local"])
def test_the_same_job_gives_the_same_bytes(
    cases: tuple[Path, list[Case]], finished: Path, tmp_path: Path, where: str
) -> None:
    out = tmp_path / "out"
    settings = ("output.faces_per_part=4", "pose.batch_size=3", "render.size_px=64")
    run(cases[0], out, *settings, f"engine.{where}", "engine.workers=1")
    assert files_of(out) == files_of(finished)


def test_a_stopped_job_continues_where_it_was(
    cases: tuple[Path, list[Case]], finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for name, data in files_of(finished).items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    (out / "_job.json").write_bytes((finished / "_job.json").read_bytes())
    # As a kill leaves it: part 2 has files but no entry, part 5 nothing at all.
    (out / "_ledger/part-000002.json").unlink()
    (out / "views/part-000002.tar").write_bytes(b"torn")
    for name in ("_ledger/part-000005.json", "poses/part-000005.parquet"):
        (out / name).unlink()
    said: list[str] = []
    settings = ("output.faces_per_part=4", "pose.batch_size=3", "render.size_px=64")
    summary = run(cases[0], out, *settings, said=said)
    assert summary.faces_this_run == 8
    assert "16 faces in 4 parts are done already" in said[0]
    assert files_of(out) == files_of(finished)


def test_a_finished_job_has_nothing_to_do(cases: tuple[Path, list[Case]], finished: Path) -> None:
    before = files_of(finished)
    summary = run(cases[0], finished, "output.faces_per_part=4", "pose.batch_size=3", "render.size_px=64")
    assert (summary.faces_this_run, summary.totals.parts) == (0, 6)
    assert files_of(finished) == before


def test_the_start_says_which_provider_runs_and_why(tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.jpg")
    (tmp_path / "list.txt").write_text("a.jpg,176,72,92,113\n")
    said: list[str] = []
    run(tmp_path / "list.txt", tmp_path / "out", "render.enabled=false", "pose.device=cpu", said=said)
    assert any("poses run on CPUExecutionProvider: " in line for line in said)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "_heartbeat.json",
        "_job.json",
        "_ledger",
        "poses",
        "rejects",
        "summary.json",
    ]
    assert verify(Folder(str(tmp_path / "out"))).problems == []


def test_too_many_rejects_end_the_job_with_an_error_but_keep_its_results(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("none.jpg,0,0,9,9\n")
    with pytest.raises(JobIncompleteError, match=r"1 of 1 faces are rejected, more than .* 1 image_missing"):
        run(tmp_path / "list.txt", tmp_path / "out", "output.max_reject_fraction=0.5")
    assert verify(Folder(str(tmp_path / "out"))).problems == []


def test_a_gpu_that_is_not_there_is_said_at_once_and_waited_for(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("none.jpg,0,0,9,9\n")
    said: list[str] = []
    with pytest.raises(ResourceError, match=r"no node of the Ray cluster has a GPU .* start such nodes"):
        run(
            *(tmp_path / "list.txt", tmp_path / "out", "pose.device=cuda", "engine.start_timeout_s=5"),
            said=said,
        )
    assert "waiting for nodes, up to engine.start_timeout_s = 5 s" in said[-1]


def test_results_that_were_touched_do_not_verify(finished: Path, tmp_path: Path) -> None:
    def copy() -> Path:
        out = tmp_path / f"copy-{len(list(tmp_path.iterdir()))}"
        for file in finished.rglob("*"):
            if file.is_file():
                target = out / file.relative_to(finished)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
        return out

    def problems(out: Path) -> str:
        return "\n".join(verify(Folder(str(out))).problems)

    flipped = copy()
    data = bytearray((flipped / "views/part-000000.tar").read_bytes())
    data[700] ^= 1
    (flipped / "views/part-000000.tar").write_bytes(data)
    assert "views/part-000000.tar is not as it was written" in problems(flipped)

    lost = copy()
    (lost / "_ledger/part-000001.json").unlink()
    assert "part 1 is not committed" in problems(lost)
    assert "the manifest has 24 faces, the results" in problems(lost)

    missing = copy()
    (missing / "rejects/part-000003.parquet").unlink()
    assert "part 3: rejects/part-000003.parquet is missing" in problems(missing)

    doubled = copy()
    entry = json.loads((doubled / "_ledger/part-000000.json").read_text())
    for name in list(entry["files"]):
        entry["files"][name.replace("000000", "000006")] = entry["files"].pop(name)
    for name in entry["files"]:
        (doubled / name).write_bytes((doubled / name.replace("000006", "000000")).read_bytes())
    (doubled / "_ledger/part-000006.json").write_text(json.dumps({**entry, "part": 6}))
    assert "part 6 does not belong to the job" in problems(doubled)
    assert "some faces are in the results more than once" in problems(doubled)


def test_shards_are_plain_tars_with_safe_names(finished: Path) -> None:
    for path in sorted((finished / "views").glob("*.tar")):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
            names = tar.getnames()
        assert names == sorted(names)
        assert all(name.replace("-", "").split(".")[0].isdigit() for name in names)


def test_poses_from_a_column_of_landmarks(finished: Path, tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.jpg")
    pose = pd.read_parquet(finished / "poses").set_index("face_id").loc["good"]
    landmarks = pose.landmarks_xy_px.astype(np.float64)
    columns = {
        "face_id": ["given", "short", "none", "nan"],
        "image": ["a.jpg"] * 4,
        **{
            name: [value] * 4 for name, value in zip(("x", "y", "width", "height"), FACE_XYWH_PX, strict=True)
        },
        "points": [landmarks, landmarks[:10], None, np.full(136, np.nan)],
    }
    pq.write_table(pa.table(columns), tmp_path / "f.parquet")
    run(tmp_path / "f.parquet", tmp_path / "out", "manifest.landmarks=points", "render.size_px=64")
    posed = pd.read_parquet(tmp_path / "out/poses")
    assert list(posed.face_id) == ["given"]
    assert "points" not in posed.columns
    # The landmarks are those that the network's pose projects, so they lead back to it.
    np.testing.assert_allclose(posed.rvec_rad[0], pose.rvec_rad, atol=2e-3)
    np.testing.assert_allclose(posed.landmarks_xy_px[0], landmarks, atol=0.05)
    rejects = pd.read_parquet(tmp_path / "out/rejects")
    assert dict(zip(rejects.face_id, rejects.reason, strict=True)) == dict.fromkeys(
        ("short", "none", "nan"), "landmarks_invalid"
    )


def test_other_formats_aligned_crops_and_masks(tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.jpg")
    (tmp_path / "list.txt").write_text("a.jpg," + ",".join(map(str, FACE_XYWH_PX)))
    settings = ("render.format=png", "render.background=transparent", "render.aligned_px=112")
    out = tmp_path / "out"
    run(
        tmp_path / "list.txt",
        out,
        *settings,
        "render.masks=true",
        "render.size_px=64",
        "render.views_deg=[0,75]",
    )
    with tarfile.open(out / "views/part-000000.tar") as tar:
        pictures = {
            name: cv2.imdecode(np.frombuffer(tar.extractfile(name).read(), np.uint8), cv2.IMREAD_UNCHANGED)
            for name in tar.getnames()
            if name.endswith(".png")
        }
    shapes = {name.partition(".")[2]: picture.shape for name, picture in pictures.items()}
    assert shapes == {"0.png": (64, 64, 4), "75.png": (64, 64, 4), "aligned.png": (112, 112, 3)}
    for name in ("0", "75"):
        mask = cv2.imread(str(out / f"masks/{name}.png"), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (64, 64)
        assert set(np.unique(mask)) == {0, 128, 255}
    assert verify(Folder(str(out))).problems == []
    pose = pd.read_parquet(out / "poses").iloc[0]
    assert list(pose.views) == ["0", "75"]
    assert ((pose.views_seen_fraction + pose.views_filled_fraction) <= 1.0001).all()
    assert pose.views_seen_fraction[0] > 0.5
