"""`fpn export` as a user calls it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.storage import Folder


def export(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def test_counts_that_add_up(job: Folder, tmp_path: Path) -> None:
    found = export(job.location, tmp_path / "dest", "--as", "imagefolder", "--views", "0, aligned")
    assert found.exit_code == 0, found.output
    assert found.output.splitlines() == [
        f"{tmp_path}/dest: 15 views of 8 faces of 4 subjects in 16 files",
        "9 posed faces = 8 exported + 0 without these views + 1 without a subject",
    ]


def test_for_scripts(job: Folder, tmp_path: Path) -> None:
    arguments = (job.location, tmp_path / "dest", "--as", "webdataset", "--views", "0", "--shard-size", 3)
    found = export(*arguments, "--order", "subject", "--seed", 1, "--json")
    assert json.loads(found.output) == {
        "dest": f"{tmp_path}/dest",
        "posed": 9,
        "faces": 8,
        "without_views": 1,
        "without_subject": 0,
        "views": 8,
        "subjects": 4,
        "files": 3,
    }


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
