"""Jobs from Python, on tables of several libraries."""

from collections.abc import Iterator
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pytest

import faceposenet
from pipeline.errors import ConfigError, FingerprintError
from tests.e2e.running import in_this_process
from tests.photos import FACE_XYWH_PX, write_portrait

BOX = dict(zip(("x", "y", "width", "height"), map(float, FACE_XYWH_PX), strict=True))


@pytest.fixture(scope="module", autouse=True)
def jobs_in_this_process() -> Iterator[None]:
    with in_this_process():
        yield


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_portrait(tmp_path / "a.jpg")
    return tmp_path / "a.jpg"


def run(manifest: object, out: Path, **options: object) -> object:
    said: list[str] = []
    return faceposenet.run(manifest, out, say=said.append, **{"render": {"enabled": False}, **options})


def test_a_frame_becomes_poses_and_the_same_call_continues(photo: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [{"image": "a.jpg", **BOX, "person": "p"}, {"image": "gone.jpg", **BOX, "person": "q"}]
    )
    results = run(frame, tmp_path / "out", image_root=tmp_path)
    assert (results.totals.posed, results.totals.rejected) == (1, 1)
    poses = results.poses().to_table().to_pandas()
    assert (list(poses.face_id), list(poses.person)) == (["000000000"], ["p"])
    assert results.rejects().to_table()["reason"].to_pylist() == ["image_missing"]
    assert results.summary["faces"] == 2
    assert results.views() == []
    assert faceposenet.verify(results).problems == []
    again = run(frame, tmp_path / "out", image_root=tmp_path)
    assert again.totals == results.totals


def test_a_longer_frame_is_appended_and_another_one_is_refused(photo: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame([{"face_id": f"f{n}", "image": "a.jpg", **BOX} for n in range(3)])
    run(frame[:2], tmp_path / "out", image_root=tmp_path)
    with pytest.raises(ConfigError, match="append=True"):
        run(frame, tmp_path / "out", image_root=tmp_path)
    with pytest.raises(ConfigError, match="its rows are others"):
        run(frame[1:], tmp_path / "out", image_root=tmp_path, append=True)
    assert run(frame, tmp_path / "out", image_root=tmp_path, append=True).totals.faces == 3
    found = faceposenet.verify(tmp_path / "out")
    assert (found.problems, found.compared) == ([], True)
    with pytest.raises(FingerprintError, match=r"pose\.average_mirrored"):
        run(frame, tmp_path / "out", image_root=tmp_path, pose={"average_mirrored": True})


@pytest.mark.parametrize("kind", ["datasets", "bytes", "arrow"])
def test_photos_come_as_hugging_face_has_them_and_as_bytes(photo: Path, tmp_path: Path, kind: str) -> None:
    encoded = photo.read_bytes()
    rows: object
    if kind == "datasets":
        features = datasets.Features(
            {**{name: datasets.Value("float64") for name in BOX}, "image": datasets.Image()}
        )
        rows = datasets.Dataset.from_list([{**BOX, "image": {"bytes": encoded, "path": None}}], features)
    elif kind == "bytes":
        rows = pd.DataFrame([{"image": encoded, **BOX}])
    else:
        rows = pa.Table.from_pylist([{"image": {"bytes": None, "path": str(photo)}, **BOX}])
    assert run(rows, tmp_path / "out").totals.posed == 1


def test_a_table_is_checked_before_it_runs(photo: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame([{"image": str(photo), **BOX}, {"image": str(photo), **BOX, "width": -1.0}])
    found = faceposenet.check(frame)
    assert (found.faces, found.bad_rows) == (2, {"box_invalid": 1})
    with pytest.raises(ConfigError, match="got list"):
        faceposenet.check([1, 2])
    with pytest.raises(ConfigError, match="struct of bytes and path"):
        faceposenet.check(pa.Table.from_pylist([{"image": {"url": "x"}, **BOX}]))


def test_views_are_exported(photo: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame([{"image": "a.jpg", **BOX, "subject_id": "s"}])
    results = run(frame, tmp_path / "out", image_root=tmp_path, render={"views_deg": [40], "size_px": 32})
    assert [Path(shard).name for shard in results.views()] == ["part-000000.tar"]
    exported = faceposenet.export(results, tmp_path / "export", "parquet", views=["40"])
    assert exported.views == 1
    with pytest.raises(TypeError, match="no setting shards; it has balance, by, form"):
        faceposenet.export(results, tmp_path / "other", "parquet", shards=3)


def test_names_of_the_job_are_found_without_being_loaded_at_import() -> None:
    assert {"run", "check", "verify", "export"} <= set(dir(faceposenet))
    assert not {"run", "check", "verify", "export"} & set(faceposenet.__all__)
