"""Inputs that change or hold no face, as whole jobs and commands see them."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli.exit_codes import NOTHING_POSED
from pipeline.cli.main import main
from pipeline.config.settings import load_config
from pipeline.errors import ManifestError, StorageUnavailableError
from pipeline.job.run import run_job
from tests.photos import FACE_XYWH_PX, write_portrait
from tests.web_server import Answer, web_server

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


def test_photos_from_a_web_server_are_posed_or_say_what_it_answered(tmp_path: Path) -> None:
    photo = write_portrait(tmp_path / "photo.jpg").read_bytes()
    scripts = {
        "/p/whole.jpg": [Answer(503, headers={"Retry-After": "1"}), Answer(reset=True), Answer(body=photo)],
        "/p/a%20b%231.jpg?sig=x": [Answer(body=photo)],
        "/p/cut.jpg": [Answer(body=photo, cut_at=999)],
        "/p/secret.jpg": [Answer(403)],
        "/p/broken.jpg": [Answer(500)],
    }
    names = ["whole.jpg", "a b#1.jpg?sig=x", "cut.jpg", "secret.jpg", "broken.jpg", "none.jpg"]
    box = ",".join(map(str, FACE_XYWH_PX))
    (tmp_path / "list.txt").write_text("".join(f"{name},{box}\n" for name in names))
    settings = ["engine.runner=local", "engine.workers=1", "render.enabled=false"]
    with web_server(scripts) as server:
        config = load_config(None, [*settings, f"manifest.image_root={server.address}/p"])
        run_job(str(tmp_path / "list.txt"), str(tmp_path / "out"), config, say=lambda text: None)
        scripts["/p/whole.jpg"] = [Answer(503)]
        with pytest.raises(StorageUnavailableError, match="503"):
            run_job(str(tmp_path / "list.txt"), str(tmp_path / "stopped"), config, say=lambda text: None)
    assert pq.read_table(tmp_path / "out/poses")["image"].to_pylist() == names[:2]
    rejects = pq.read_table(tmp_path / "out/rejects").to_pylist()
    assert [(reject["image"], reject["reason"]) for reject in rejects] == [
        ("cut.jpg", "image_unreadable"),
        ("secret.jpg", "image_unreadable"),
        ("broken.jpg", "image_unreadable"),
        ("none.jpg", "image_missing"),
    ]
    assert "403" in rejects[1]["detail"]
    assert not list((tmp_path / "stopped").glob("_ledger/part-*.json"))
