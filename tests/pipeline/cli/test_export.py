"""`fpn export` as a user calls it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import MakeJob


def export(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def test_counts_that_add_up(job: Folder, tmp_path: Path) -> None:
    found = export(job.location, tmp_path / "dest", "--as", "imagefolder", "--views", "0, aligned")
    assert found.exit_code == 0, found.output
    assert found.output.splitlines() == [
        f"{tmp_path}/dest: 15 views of 8 faces of 4 subjects in 16 files",
        "9 posed faces = 8 exported + 0 without these views + 1 without a subject + 0 not selected",
    ]


def test_for_scripts(job: Folder, tmp_path: Path) -> None:
    arguments = (job.location, tmp_path / "dest", "--as", "webdataset", "--views", "0", "--shard-size", 3)
    found = export(*arguments, "--order", "subject", "--seed", 1, "--json")
    assert json.loads(found.output) == {
        "dest": f"{tmp_path}/dest",
        "unfinished": 0,
        "posed": 9,
        "faces": 8,
        "without_views": 1,
        "without_subject": 0,
        "views": 8,
        "subjects": 4,
        "files": 3,
        "not_selected": 0,
        "val_views": 0,
        "val_subjects": 0,
        "repeated": 0,
    }


def test_a_job_that_is_not_done_is_exported_with_a_warning(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(str(tmp_path / "job"))
    (tmp_path / "job/_ledger/part-000001.json").unlink()
    found = export(job.location, tmp_path / "dest", "--as", "parquet")
    assert found.exit_code == 0
    assert "warning: the job is unfinished; 5 faces are not in the export" in found.stderr
    assert "5 posed faces = 5 exported" in found.stdout


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "Missing option '--as'"),
        (("--as", "parquet", "--views", "90"), 2, "the job has no view 90; it has 0, 40, aligned"),
        (("--as", "parquet", "--by", "who"), 2, "the job has no column 'who'"),
    ],
)
def test_wrong_commands(job: Folder, tmp_path: Path, options: tuple[str, ...], code: int, said: str) -> None:
    found = export(job.location, tmp_path / "dest", *options)
    assert found.exit_code == code
    assert said in found.output
