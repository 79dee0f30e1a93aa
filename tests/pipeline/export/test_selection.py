import json
import tarfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import ConfigError
from pipeline.export.export import ExportSettings, export_views
from pipeline.export.index import Wanted, index_views
from pipeline.export.selection import restrict, sampled_by_yaw, shown_yaw_deg, weighted_by_yaw
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import MakeJob, finished_face


@pytest.fixture(scope="module")
def people(make_job: MakeJob, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Twenty faces of ten people, two each; yaws are the number of the face."""
    faces = [finished_face(row, subject_id=f"s{row // 2:02d}", age=row, seen=None) for row in range(20)]
    return make_job(str(tmp_path_factory.mktemp("people") / "out"), faces)


def test_counts_add_up_with_what_is_not_selected(job: Folder, tmp_path: Path) -> None:
    found = export_views(job.location, str(tmp_path), ExportSettings("imagefolder", where="age < 4"))
    # Of faces 0 to 3 all have a subject.
    assert (found.faces, found.without_subject, found.not_selected) == (4, 0, 5)
    assert found.posed == found.faces + found.without_views + found.without_subject + found.not_selected
    table = pd.read_parquet(tmp_path / "metadata.parquet")
    assert set(table.age) == {0, 1, 2, 3}


def test_nothing_left_says_why(job: Folder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"9 posed faces, 0 have none .* 9 are not selected"):
        export_views(job.location, str(tmp_path), ExportSettings("imagefolder", where="age > 100"))
    assert not list(tmp_path.iterdir())


def test_a_wrong_expression_writes_nothing(job: Folder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='"years" not found'):
        export_views(job.location, str(tmp_path), ExportSettings("parquet", where="years > 3"))
    assert not list(tmp_path.iterdir())


def test_subjects_with_few_faces_are_left_out(job: Folder, tmp_path: Path) -> None:
    found = export_views(job.location, str(tmp_path), ExportSettings("parquet", min_images=2))
    table = pd.concat(pd.read_parquet(path) for path in tmp_path.glob("*.parquet"))
    faces = table.groupby("subject_id").face_id.nunique()
    assert len(faces) == found.subjects > 0
    assert faces.min() >= 2
    assert sorted(set(table.label)) == list(range(found.subjects))
    assert found.posed == found.faces + found.without_subject + found.not_selected


def test_no_subject_is_in_both_splits(people: Folder, tmp_path: Path) -> None:
    settings = ExportSettings("parquet", val=0.3, shard_size=7)
    found = export_views(people.location, str(tmp_path), settings)
    assert (found.subjects, found.val_subjects, found.views, found.val_views) == (10, 3, 60, 18)
    split = {
        name: pd.concat(pd.read_parquet(path) for path in tmp_path.glob(f"{name}-*.parquet"))
        for name in ("train", "val")
    }
    assert not set(split["train"].subject_id) & set(split["val"].subject_id)
    assert sorted(set(split["val"].label)) == [0, 1, 2]
    assert sorted(set(split["train"].label)) == list(range(7))
    assert len(split["train"]) + len(split["val"]) == 60
    other = tmp_path / "other"
    export_views(people.location, str(other), ExportSettings("parquet", val=0.3, shard_size=7, seed=1))
    drawn = set(pd.concat(pd.read_parquet(path) for path in other.glob("val-*.parquet")).subject_id)
    assert drawn != set(split["val"].subject_id)


@pytest.mark.parametrize("form", ["imagefolder", "recordio", "webdataset"])
def test_every_form_has_its_splits(people: Folder, tmp_path: Path, form: str) -> None:
    settings = ExportSettings(form, val=0.2, views=("aligned",))  # type: ignore[arg-type]
    found = export_views(people.location, str(tmp_path), settings)
    assert found.files == len([p for p in tmp_path.rglob("*") if p.is_file()]) - 1  # _export.json
    if form == "recordio":
        assert (tmp_path / "train/property").read_text() == "8,112,112"
        assert (tmp_path / "val/property").read_text() == "2,112,112"
    elif form == "imagefolder":
        assert len(list((tmp_path / "val").glob("*/*.jpg"))) == 4
    else:
        with tarfile.open(tmp_path / "val-000000.tar") as tar:
            assert len([name for name in tar.getnames() if name.endswith(".cls")]) == 4


@pytest.mark.parametrize(("share", "side"), [(0.01, "val"), (0.99, "train")])
def test_an_empty_side_is_refused(people: Folder, tmp_path: Path, share: float, side: str) -> None:
    with pytest.raises(ConfigError, match=f"of 10 subjects leaves {side} without any"):
        export_views(people.location, str(tmp_path), ExportSettings("parquet", val=share))


def test_weights_even_out_the_bins(people: Folder) -> None:
    index = weighted_by_yaw(index_views(people, Wanted(None, "subject_id")))
    assert index.weight is not None
    assert index.weight.mean() == pytest.approx(1)
    sums: Counter[int] = Counter()
    for yaw, weight in zip(shown_yaw_deg(index), index.weight, strict=True):
        sums[int(yaw // 15)] += float(weight)
    # Upright crops of 0 to 14 degrees and views 0; crops of 15 to 19; views 40.
    assert list(sums) == [0, 2, 1]
    assert max(sums.values()) == pytest.approx(min(sums.values()), rel=1e-4)


def test_weights_stand_beside_the_pictures(people: Folder, tmp_path: Path) -> None:
    export_views(people.location, str(tmp_path), ExportSettings("webdataset", balance="yaw"))
    with tarfile.open(tmp_path / "train-000000.tar") as tar:
        member = next(name for name in tar.getnames() if name.endswith(".json"))
        file = tar.extractfile(member)
        assert file is not None
        assert json.load(file)["weight"] > 0


def test_samples_even_out_the_bins(people: Folder) -> None:
    index = index_views(people, Wanted(None, "subject_id"))
    drawn = [sampled_by_yaw(index, seed) for seed in (0, 0, 1)]
    assert Counter((shown_yaw_deg(drawn[0]) // 15).tolist()) == {0: 5, 1: 5, 2: 5}
    assert drawn[0].span.tolist() == drawn[1].span.tolist() != drawn[2].span.tolist()


def test_what_is_left_is_an_index_of_its_own(people: Folder) -> None:
    index = index_views(people, Wanted(("40",), "subject_id"))
    left = restrict(index, index.face >= 16)
    assert left.subjects == ("s08", "s09")
    assert left.face.tolist() == [0, 1, 2, 3]
    assert left.face_subject.tolist() == [0, 0, 1, 1]
