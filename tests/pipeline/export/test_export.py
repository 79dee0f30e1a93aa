import json
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from pipeline.errors import ConfigError, FingerprintError
from pipeline.export import export as export_module
from pipeline.export.export import Exported, ExportSettings, export_views
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import MakeJob, finished_face, picture, tree_of


def test_folders_of_subjects_with_a_table_of_the_files(job: Folder, tmp_path: Path) -> None:
    found = export_views(job.location, str(tmp_path), ExportSettings("imagefolder", views=("0", "aligned")))
    assert found == Exported(
        unfinished=0, posed=9, faces=8, without_views=0, without_subject=1, views=15, subjects=4, files=16
    )
    table = pd.read_parquet(tmp_path / "metadata.parquet")
    pictures = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")}
    assert set(table.file_name) == pictures
    assert len(pictures) == 15
    assert {name.split("/")[0] for name in table[table.subject_id == "bob"].file_name} == {"bob"}
    assert sorted({path.parent.name.split("~")[0] for path in tmp_path.glob("*/*")}) == [
        "Con",
        "_anna",
        "bob",
        "line_break",
    ]
    for row in table.itertuples():
        face = int(row.face_id.split()[1])
        side_px = 112 if row.view == "aligned" else 8
        expected = picture(face, 9 if row.view == "aligned" else 0, side_px)
        assert (tmp_path / row.file_name).read_bytes() == expected
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "_export.json",
        "metadata.parquet",
    ]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (ExportSettings("webdataset", shard_size=10), [f"train-{n:06d}.tar" for n in range(3)]),
        (
            ExportSettings("parquet", shard_size=10),
            [f"train-{n:05d}-of-00003.parquet" for n in range(3)],
        ),
        (
            ExportSettings("recordio"),
            ["property", "train.idx", "train.lst", "train.parquet", "train.rec"],
        ),
    ],
)
def test_forms_have_their_files_whose_bytes_do_not_change(
    job: Folder, tmp_path: Path, settings: ExportSettings, names: list[str]
) -> None:
    said: list[tuple[str, int, int]] = []
    found = export_views(job.location, str(tmp_path / "a"), settings, lambda *words: said.append(words))
    assert sorted(tree_of(tmp_path / "a")) == sorted(["_export.json", *names])
    assert found.files == len(names)
    assert said[0] == ("parts checked", 1, 3)
    assert said[-1] == ("views written", found.views, found.views)
    assert export_views(job.location, str(tmp_path / "b"), settings) == found
    assert tree_of(tmp_path / "a") == tree_of(tmp_path / "b")


def test_an_export_that_was_stopped_goes_on(
    job: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ExportSettings("webdataset", shard_size=5, seed=3)
    whole = export_views(job.location, str(tmp_path / "whole"), settings)

    def stop(what: str, n: int, of: int) -> None:
        if (what, n) == ("views written", 15):
            raise KeyboardInterrupt

    dest = str(tmp_path / "dest")
    with pytest.raises(KeyboardInterrupt):
        export_views(job.location, dest, settings, stop)
    made: list[int] = []
    shard = export_module.webdataset_shard
    monkeypatch.setattr(export_module, "webdataset_shard", lambda *args: made.append(args[2]) or shard(*args))
    assert export_views(job.location, dest, settings) == whole
    assert made == [15, 20, 25]
    assert tree_of(tmp_path / "dest") == tree_of(tmp_path / "whole")
    assert export_views(job.location, dest, settings) == whole
    assert made == [15, 20, 25]


def test_a_folder_export_that_was_stopped_goes_on(job: Folder, tmp_path: Path) -> None:
    def stop(what: str, n: int, of: int) -> None:
        if (what, n) == ("views written", 9):
            raise KeyboardInterrupt

    settings = ExportSettings("imagefolder")
    with pytest.raises(KeyboardInterrupt):
        export_views(job.location, str(tmp_path / "dest"), settings, stop)
    first = next((tmp_path / "dest").glob("*/*.jpg"))
    first.write_bytes(b"")  # as after a loss of power
    export_views(job.location, str(tmp_path / "dest"), settings)
    export_views(job.location, str(tmp_path / "whole"), settings)
    assert tree_of(tmp_path / "dest") == tree_of(tmp_path / "whole")


def test_a_folder_of_something_else_is_left_alone(job: Folder, tmp_path: Path) -> None:
    settings = ExportSettings("webdataset")
    export_views(job.location, str(tmp_path / "dest"), settings)
    with pytest.raises(FingerprintError, match="holds another export; it differs in: settings"):
        export_views(job.location, str(tmp_path / "dest"), ExportSettings("webdataset", seed=1))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").touch()
    with pytest.raises(FingerprintError, match="is not empty and no export"):
        export_views(job.location, str(tmp_path / "mine"), settings)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]
    (tmp_path / "dest/_export.json").write_text("{")
    with pytest.raises(FingerprintError, match="is not of this program"):
        export_views(job.location, str(tmp_path / "dest"), settings)


def test_more_parts_make_another_export(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(str(tmp_path / "job"))
    entry = tmp_path / "job/_ledger/part-000002.json"
    kept = entry.read_bytes()
    entry.unlink()
    assert export_views(job.location, str(tmp_path / "dest"), ExportSettings("parquet")).posed == 8
    entry.write_bytes(kept)
    with pytest.raises(FingerprintError, match="differs in: job"):
        export_views(job.location, str(tmp_path / "dest"), ExportSettings("parquet"))


def test_what_cannot_be_exported(make_job: MakeJob, tmp_path: Path) -> None:
    dest = str(tmp_path / "dest")
    who = make_job(str(tmp_path / "who"), [], carried=pa.schema([("who", pa.string())]))
    with pytest.raises(ConfigError, match=r"imagefolder needs to know whose face each is.*it has who"):
        export_views(who.location, dest, ExportSettings("imagefolder"))
    with pytest.raises(ConfigError, match="no column 'subject_id' to order by"):
        export_views(who.location, dest, ExportSettings("webdataset", order="subject"))
    profile = finished_face(0, ("40",), subject_id="a", age=1, seen=None)
    job = make_job(str(tmp_path / "profiles"), [profile])
    with pytest.raises(ConfigError, match="there is nothing to export: of 1 posed faces, 1 have none"):
        export_views(job.location, dest, ExportSettings("parquet", views=("0",)))
    assert not Path(dest).exists()


def test_recordio_takes_the_aligned_crops_unless_told(make_job: MakeJob, job: Folder, tmp_path: Path) -> None:
    settings = ExportSettings("recordio")
    assert export_views(job.location, str(tmp_path / "aligned"), settings).views == 8
    every = ExportSettings("recordio", views="all")
    assert export_views(job.location, str(tmp_path / "all"), every).views == 23
    assert not (tmp_path / "all/property").exists()  # pictures of two sizes have none
    without = make_job(str(tmp_path / "job"), aligned_px=None)
    assert export_views(without.location, str(tmp_path / "rest"), settings).views == 15


def test_an_object_store_on_both_sides(make_job: MakeJob) -> None:
    job = make_job("memory://export/out")
    for form, files in (("imagefolder", 24), ("webdataset", 1), ("parquet", 1), ("recordio", 5)):
        found = export_views(job.location, f"memory://export/{form}", ExportSettings(form))
        assert found.files == files
    record = json.loads(Folder("memory://export/webdataset").read("_export.json") or b"")
    assert record["result"]["views"] == 26


def test_a_view_of_nobody_has_a_class_that_is_none(job: Folder, tmp_path: Path) -> None:
    export_views(job.location, str(tmp_path), ExportSettings("webdataset", order="job"))
    with tarfile.open(tmp_path / "train-000000.tar") as tar:
        classes = {name: tar.extractfile(name).read() for name in tar.getnames() if name.endswith(".cls")}
        records = {
            name: json.load(tar.extractfile(name)) for name in tar.getnames() if name.endswith(".json")
        }
    assert len(classes) == len(records) == 26
    nobody = [name for name, record in records.items() if record["subject_id"] is None]
    assert {classes[name.replace(".json", ".cls")] for name in nobody} == {b"-1"}
    assert {classes[name] for name in classes} == {b"-1", b"0", b"1", b"2", b"3"}
