"""People who ask to be taken out of a job's results."""

import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.errors import ConfigError, JobIncompleteError, StorageError
from pipeline.export.export import ExportSettings, export_views
from pipeline.io.storage import Folder
from pipeline.job.erase import Chosen, erase
from pipeline.job.run import retry_job
from pipeline.job.verify import verify
from tests.e2e.running import files_of, in_this_process, run
from tests.photos import FACE_XYWH_PX, write_portrait

SETTINGS = ("output.faces_per_part=5", "render.size_px=32", "render.views_deg=[40]", "engine.cpus=1")
BOX = dict(zip(("x", "y", "width", "height"), map(float, FACE_XYWH_PX), strict=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a job of three subjects in four parts: every fifth had no photo, and f13 has one since."""
    folder = tmp_path_factory.mktemp("job")
    write_portrait(folder / "a.jpg")
    rows = [
        {"face_id": f"f{n}", "image": "a.jpg" if n % 5 != 3 else f"{n}.jpg", **BOX, "subject_id": f"s{n % 3}"}
        for n in range(20)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "faces.parquet")
    with in_this_process():
        run(folder / "faces.parquet", folder / "out", *SETTINGS)
        write_portrait(folder / "13.jpg")
        retry_job(str(folder / "out"), [], None, say=lambda text: None)
    kept = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in kept.items()} | {"root": str(folder).encode()}


@pytest.fixture
def out(made: dict[str, bytes], tmp_path: Path) -> Folder:
    """A copy of the job, whose manifest and photos are where they were."""
    for name, data in made.items():
        if name.startswith("out/"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return Folder(str(tmp_path / "out"))


def subject(*names: str) -> Chosen:
    return Chosen(subjects=frozenset(names))


def faces(*ids: str) -> Chosen:
    return Chosen(face_ids=frozenset(ids))


def _rows(out: Folder, kind: str) -> dict[tuple[str, str], dict[str, object]]:
    """Rows by file and face."""
    found = {}
    for path in sorted((Path(out.location) / kind).glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            found[path.name, row["face_id"]] = row
    return found


def _members(out: Folder) -> dict[tuple[str, str], bytes]:
    found = {}
    for path in sorted((Path(out.location) / "views").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                found[path.name, member.name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    return found


def _traces(out: Folder, *texts: str) -> list[str]:
    """Files in which a text occurs, packed or not."""
    found = []
    for path in sorted(Path(out.location).rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".parquet":
                data += repr(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
            found += [path.name for text in texts if text.encode() in data]
    return found


def test_a_subject_is_gone_and_everything_else_is_bit_for_bit_as_it_was(out: Folder) -> None:
    poses, rejects, members = _rows(out, "poses"), _rows(out, "rejects"), _members(out)
    files = files_of(Path(out.location))
    erased = erase(out, subject("s1"))
    gone = {f"f{n}" for n in range(20) if n % 3 == 1}  # f13 was rejected and posed later
    assert erased.faces == len(gone)
    for kind, before in (("poses", poses), ("rejects", rejects)):
        assert _rows(out, kind) == {place: row for place, row in before.items() if place[1] not in gone}
    keys = {
        (shard, name.partition(".")[0])
        for (shard, name), data in members.items()
        if name.endswith(".json") and json.loads(data)["face_id"] in gone
    }
    kept = {at: data for at, data in members.items() if (at[0], at[1].partition(".")[0]) not in keys}
    assert len(kept) < len(members)
    assert _members(out) == kept
    untouched = [name for name, data in files.items() if files_of(Path(out.location))[name] == data]
    assert any("round" in name for name in untouched)
    assert _traces(out, '"s1"', "'s1'", "f13'", '"f13"') == []
    found = verify(out)
    assert (found.problems, found.compared, found.faces, found.erased) == ([], True, 13, 7)
    assert json.loads((Path(out.location) / "summary.json").read_text())["erased"] == 7


def test_the_counts_are_right_where_a_retry_came_between(out: Folder) -> None:
    erase(out, faces("f13", "f8", "f0"))
    summary = json.loads((Path(out.location) / "summary.json").read_text())
    assert {key: summary[key] for key in ("faces", "posed", "rejected", "erased", "rejects_by_reason")} == {
        "faces": 20,
        "posed": 15,
        "rejected": 2,
        "erased": 3,
        "rejects_by_reason": {"image_missing": 2},
    }
    found = verify(out)
    assert (found.problems, found.posed, found.rejected, found.erased) == ([], 15, 2, 3)


@pytest.mark.parametrize("writes", range(1, 12))
def test_an_erasure_that_is_killed_is_finished_by_the_same_command(
    out: Folder, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    whole = out
    left = [writes]
    write = Folder.write

    def dying(self: Folder, name: str, data: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise SystemExit
        write(self, name, data)

    with monkeypatch.context() as killed:
        killed.setattr(Folder, "write", dying)
        with pytest.raises(SystemExit):
            erase(whole, faces("f0", "f3", "f13", "f7"))
    problems = verify(whole).problems
    assert problems == [] or any("give the same fpn erase command again" in problem for problem in problems)
    erase(whole, faces("f0", "f3", "f13", "f7"))
    found = verify(whole)
    assert (found.problems, found.erased) == ([], 4)
    assert _traces(whole, '"f13"', "'f13'", '"f7"', "'f7'") == []


def test_other_people_wait_until_an_erasure_is_finished(out: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Folder, "write", lambda self, name, data: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            erase(out, faces("f0", "f7"))
    with pytest.raises(JobIncompleteError, match="erasure 1 is unfinished in 2 parts"):
        erase(out, faces("f10"))
    erase(out, faces("f0", "f7"))
    erase(out, faces("f10"))
    assert verify(out).erased == 3
    assert verify(out).problems == []


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (faces("f0", "nobody"), "has nobody called 'nobody'"),
        (subject("s1", "s9"), "has nobody called 's9'"),
        (Chosen(frozenset({"s1"}), by="person"), "no column 'person'; carried are subject_id"),
    ],
)
def test_somebody_who_is_not_there_is_an_error_and_nothing_is_touched(
    out: Folder, chosen: Chosen, said: str
) -> None:
    before = files_of(Path(out.location))
    with pytest.raises(ConfigError, match=said):
        erase(out, chosen)
    assert files_of(Path(out.location)) == before
    assert not (Path(out.location) / "_erasures").exists()


def test_an_unfinished_job_and_a_missing_manifest_are_refused(out: Folder, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="whose the rejected faces are"):
        erase(out, subject("s1"), manifest=str(tmp_path / "gone.parquet"))
    assert erase(out, faces("f1"), manifest=str(tmp_path / "gone.parquet")).faces == 1
    (Path(out.location) / "_ledger/part-000002.json").unlink()
    with pytest.raises(JobIncompleteError, match="1 parts are missing"):
        erase(out, faces("f0"))


def test_what_was_damaged_before_is_not_written_over(out: Folder) -> None:
    path = Path(out.location) / "views/part-000000.tar"
    path.write_bytes(path.read_bytes()[:-600] + b"x" * 600)
    with pytest.raises(StorageError, match="run fpn verify"):
        erase(out, faces("f0"))
    assert not (Path(out.location) / "_erasures").exists()


def test_exports_that_were_made_before_are_named_and_the_report_goes(out: Folder, tmp_path: Path) -> None:
    export_views(out.location, str(tmp_path / "old"), ExportSettings("parquet"))
    out.write("report.html", b"photos")
    erased = erase(out, faces("f0"))
    assert erased.stale_exports == (str(tmp_path / "old"),)
    assert erased.report_removed
    assert out.read("report.html") is None
    exported = export_views(out.location, str(tmp_path / "new"), ExportSettings("parquet"))
    assert exported.posed == 16
    assert verify(out).stale_exports == [str(tmp_path / "old")]


def test_a_ledger_entry_that_was_changed_after_an_erasure_is_noticed(out: Folder) -> None:
    erase(out, faces("f0"))
    path = Path(out.location) / "_ledger/part-000000.json"
    path.write_bytes(path.read_bytes() + b" ")
    assert "part 0: its ledger entry is not what the erasure made of it" in verify(out).problems


def test_the_command_looks_first_and_takes_a_list(out: Folder, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("f0\n\nf1\n")
    command = ["erase", out.location, "--face-ids", str(tmp_path / "list.txt")]
    looked = CliRunner().invoke(main, [*command, "--dry-run"])
    assert looked.output == f"{out.location}: 2 faces would be erased in 1 parts\n"
    assert verify(out).erased == 0
    done = CliRunner().invoke(main, [*command, "--json"])
    assert json.loads(done.output)["faces"] == 2
    assert verify(out).erased == 2
    assert CliRunner().invoke(main, ["erase", out.location]).exit_code == 2
