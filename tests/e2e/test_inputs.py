"""Inputs that change or hold no face, as whole jobs and commands see them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.exit_codes import NOTHING_POSED
from pipeline.cli.main import main
from pipeline.config.settings import load_config
from pipeline.errors import ManifestError
from pipeline.job.run import run_job

HERE = ("--set", "engine.runner=local", "--set", "engine.workers=1")


def write_list(path: Path, rows: int) -> Path:
    path.write_text("".join(f"{n}.jpg,0,0,10,10\n" for n in range(rows)))
    return path


def test_a_manifest_that_is_replaced_under_a_run_stops_it(tmp_path: Path) -> None:
    manifest = write_list(tmp_path / "list.txt", 40)

    def replace_it(text: str) -> None:
        if text.startswith("layout"):
            write_list(manifest, 12)

    config = load_config(None, ["engine.runner=local", "engine.workers=1", "output.faces_per_part=4"])
    with pytest.raises(ManifestError, match=r"list\.txt has changed since the job opened it"):
        run_job(str(manifest), str(tmp_path / "out"), config, say=replace_it)
    assert not list((tmp_path / "out").glob("_ledger/part-*.json"))


def test_a_job_without_a_posed_face_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    arguments = ["run", str(write_list(tmp_path / "list.txt", 2)), str(tmp_path / "out"), "--json", *HERE]
    for _ in range(2):  # also where there is nothing left to do
        ended = CliRunner().invoke(main, arguments)
        assert ended.exit_code == NOTHING_POSED, ended.output
    found = json.loads(ended.stdout)
    assert (found["posed"], found["rejected"]) == (0, 2)
    assert "no face was posed" in ended.stderr
    verified = CliRunner().invoke(main, ["verify", str(tmp_path / "out")])
    assert verified.exit_code == 0
    assert "their ids are the manifest's" in verified.output
