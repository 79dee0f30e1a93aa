"""A finished job that grows."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.cli.main import main
from pipeline.errors import FingerprintError, JobIncompleteError, ManifestError
from pipeline.io.storage import Folder
from pipeline.job.run import retry_job
from pipeline.job.verify import verify
from tests.e2e.running import files_of, in_this_process, run
from tests.photos import FACE_XYWH_PX, write_portrait

SETTINGS = ("output.faces_per_part=3", "render.enabled=false")
BOX = dict(zip(("x", "y", "width", "height"), map(float, FACE_XYWH_PX), strict=True))


@pytest.fixture(scope="module", autouse=True)
def jobs_in_this_process() -> Iterator[None]:
    with in_this_process():
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo, and the jobs `of_csv` and `of_parquet` of 7 rows."""
    folder = tmp_path_factory.mktemp("photos")
    write_portrait(folder / "a.jpg")
    run(_csv(folder / "faces.csv", 7), folder / "of_csv", *SETTINGS)
    pq.write_table(pa.Table.from_pylist(_rows(0, 7)), folder / "faces.parquet")
    run(folder / "faces.parquet", folder / "of_parquet", *SETTINGS)
    return folder


def _rows(start: int, stop: int) -> list[dict[str, object]]:
    """Every fifth face has no photo."""
    return [
        {"face_id": f"f{n}", "image": "gone.jpg" if n % 5 == 4 else "a.jpg", **BOX, "subject": f"s{n % 2}"}
        for n in range(start, stop)
    ]


def _csv(path: Path, stop: int, *, end: str = "\n") -> Path:
    rows = [",".join(map(str, row.values())) for row in _rows(0, stop)]
    path.write_text("\n".join(["face_id,image,x,y,width,height,subject", *rows]) + end)
    return path


def _append(manifest: Path, out: Path, *overrides: str) -> None:
    run(manifest, out, *SETTINGS, *overrides, append=True)


@pytest.fixture
def finished(photos: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A place for a longer manifest beside the photos, and a copy of the job."""
    for name in ("of_csv", "of_parquet"):
        shutil.copytree(photos / name, tmp_path / name)
    return photos / f"{tmp_path.name}.csv", tmp_path / "of_csv"


def test_new_rows_become_new_parts_and_old_ones_are_not_touched(finished: tuple[Path, Path]) -> None:
    manifest, out = finished
    before = files_of(out)
    retry_job(str(out), [], None, say=lambda text: None)  # of the one face without a photo: part 3
    with_retry = files_of(out)
    run(_csv(manifest, 12), out, *SETTINGS, append=True)
    after = files_of(out)
    assert before.items() <= with_retry.items() <= after.items()
    assert sorted(json.loads(after[name])["part"] for name in after if "_ledger/part" in name) == list(
        range(6)
    )
    found = verify(Folder(str(out)))
    assert (found.problems, found.compared, found.faces, found.rejected) == ([], True, 12, 2)
    again = run(manifest, out, *SETTINGS)  # by now a job like any other
    assert again.faces_this_run == 0
    assert again.totals.faces == 12


def test_a_second_append_and_a_retry_of_new_rows(finished: tuple[Path, Path]) -> None:
    manifest, out = finished
    run(_csv(manifest, 8), out, *SETTINGS, append=True)
    run(_csv(manifest, 15), out, *SETTINGS, append=True)
    (manifest.parent / "gone.jpg").write_bytes((manifest.parent / "a.jpg").read_bytes())
    try:
        summary = retry_job(str(out), [], None, say=lambda text: None)
    finally:
        (manifest.parent / "gone.jpg").unlink()
    assert (summary.totals.faces, summary.totals.posed, summary.totals.rejected) == (15, 15, 0)
    found = verify(Folder(str(out)))
    assert (found.problems, found.compared, found.posed) == ([], True, 15)


def test_an_append_that_was_killed_continues_with_the_command_or_without_the_option(
    finished: tuple[Path, Path],
) -> None:
    manifest, out = finished
    _append(_csv(manifest, 12), out)
    whole = files_of(out)
    for name in [name for name in whole if "part-000004" in name]:
        (out / name).unlink()
    run(manifest, out, *SETTINGS)
    assert files_of(out) == whole


def test_parquet_grows_by_files_and_by_a_file_that_is_written_again(photos: Path, tmp_path: Path) -> None:
    folder, out = photos / tmp_path.name, tmp_path / "out"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(_rows(0, 7)), folder / "0.parquet")
    root = f"manifest.image_root={photos}"
    run(folder, out, *SETTINGS, root)
    pq.write_table(pa.Table.from_pylist(_rows(7, 9)), folder / "1.parquet")
    _append(folder, out, root)
    pq.write_table(pa.Table.from_pylist(_rows(7, 12)), folder / "1.parquet")
    with pytest.raises(FingerprintError, match="cannot append"):
        # Two files as before, of which one was written again: only the results can tell, and row 9 is new.
        pq.write_table(pa.Table.from_pylist([*_rows(7, 8), *_rows(20, 24)]), folder / "1.parquet")
        _append(folder, out, root)
    pq.write_table(pa.Table.from_pylist(_rows(7, 12)), folder / "1.parquet")
    _append(folder, out, root)
    found = verify(Folder(str(out)))
    assert (found.problems, found.compared, found.faces) == ([], True, 12)


@pytest.mark.parametrize("change", ["box", "photo", "subject", "order", "id"])
def test_rows_that_moved_or_changed_are_refused_and_nothing_is_touched(
    finished: tuple[Path, Path], change: str
) -> None:
    manifest, out = finished
    rows = _rows(0, 12)
    changed = {
        "box": [*rows[:2], rows[2] | {"x": 5.0}, *rows[3:]],
        "photo": [*rows[:4], rows[4] | {"image": "other.jpg"}, *rows[5:]],
        "subject": [rows[0] | {"subject": "s9"}, *rows[1:]],
        "order": [rows[1], rows[0], *rows[2:]],
        "id": [rows[0] | {"face_id": "other"}, *rows[1:]],
    }[change]
    lines = [",".join(map(str, row.values())) for row in changed]
    text = "\n".join(["face_id,image,x,y,width,height,subject", *lines]) + "\n"
    before = files_of(out)
    manifest.write_text(text)
    with pytest.raises((FingerprintError, ManifestError)):
        _append(manifest, out)
    parquet = manifest.with_suffix(".parquet")
    pq.write_table(pa.Table.from_pylist(changed), parquet)
    with pytest.raises(FingerprintError, match="is not what it was in the job"):
        _append(parquet, out.with_name("of_parquet"))
    assert files_of(out) == before
    assert not (out / "_appends").exists()


def test_a_last_line_that_goes_on_is_another_row(photos: Path, tmp_path: Path) -> None:
    manifest, out = photos / f"{tmp_path.name}.csv", tmp_path / "out"
    run(_csv(manifest, 7, end=""), out, *SETTINGS)
    longer = _csv(manifest, 9).read_text()
    old = "\n".join(longer.split("\n")[:8])
    manifest.write_text(longer.replace(old, old + "9"))
    with pytest.raises(FingerprintError, match="byte for byte"):
        _append(manifest, out)
    manifest.write_text(longer)
    _append(manifest, out)


def test_an_unfinished_job_takes_no_rows(finished: tuple[Path, Path]) -> None:
    manifest, out = finished
    (out / "_ledger/part-000001.json").unlink()
    with pytest.raises(JobIncompleteError, match="1 parts are missing"):
        _append(_csv(manifest, 12), out)
    assert not (out / "_appends").exists()


def test_of_two_appends_of_different_rows_one_goes_on(
    finished: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, out = finished
    longer = _csv(manifest.with_name("longer.csv"), 14)
    create = Folder.create

    def beaten(self: Folder, name: str, data: bytes) -> bool:
        """Another machine appends just before this one."""
        monkeypatch.setattr(Folder, "create", create)
        _append(_csv(manifest, 12), out)
        return create(self, name, data)

    monkeypatch.setattr(Folder, "create", beaten)
    with pytest.raises(JobIncompleteError, match=r"another append .* has just begun"):
        _append(longer, out)
    assert verify(Folder(str(out))).problems == []


def test_without_the_option_a_longer_manifest_is_refused_with_a_way_on(finished: tuple[Path, Path]) -> None:
    manifest, out = finished
    with pytest.raises(FingerprintError, match="or add the new rows with --append"):
        run(_csv(manifest, 12), out, *SETTINGS)


def test_a_ledger_that_was_changed_after_an_append_is_noticed(finished: tuple[Path, Path]) -> None:
    manifest, out = finished
    _append(_csv(manifest, 9), out)
    entry = out / "_ledger/part-000000.json"
    entry.write_bytes(entry.read_bytes() + b"\n")
    assert "the ledger of the parts before append 1 is not what it was" in verify(Folder(str(out))).problems


def test_the_command_appends(finished: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    manifest, out = finished
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    main(["run", str(_csv(manifest, 9)), str(out), "--append", *settings], standalone_mode=False)
    assert "9 faces = 8 posed + 1 rejected" in capsys.readouterr().out
