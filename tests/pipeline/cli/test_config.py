import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.config.settings import load_config


def invoke(*arguments: object):
    return CliRunner().invoke(main, ["config", *(str(argument) for argument in arguments)])


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("FPN_CONFIG", raising=False)


def test_show_gives_a_file_that_means_the_same(tmp_path: Path) -> None:
    given = ["--config", "recognition", "--set", "render.size_px=128", "--image-root", "photos"]
    shown = invoke("show", *given)
    assert shown.exit_code == 0
    assert "size_px: 128  # --set\n" in shown.output
    assert "image_root: photos  # --image-root\n" in shown.output
    file = tmp_path / "shown.yaml"
    file.write_text(shown.output)
    again = json.loads(invoke("show", "--config", file, "--json").output)
    assert again["settings"] == json.loads(invoke("show", *given, "--json").output)["settings"]
    assert load_config(file).render.size_px == 128


def test_show_tells_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv("FPN_CONFIG", "recognition")
    found = json.loads(invoke("show", "--json").output)
    assert found["settings"]["engine"]["address"] == "10.0.0.1:6379"
    assert found["sources"]["engine.address"] == "environment RAY_ADDRESS"
    assert "recognition.yaml:" in found["sources"]["render.aligned_px"]
    asked = json.loads(invoke("show", "--address", "auto", "--json").output)
    assert asked["sources"]["engine.address"] == "--address"


def test_a_wrong_preset_or_setting_is_a_wrong_command() -> None:
    result = invoke("show", "--config", "recogniton")
    assert (result.exit_code, "did you mean 'recognition'" in result.output) == (2, True)
    result = invoke("show", "--set", "render.size=1")
    assert (result.exit_code, "did you mean 'render.size_px'?" in result.output) == (2, True)


def test_presets_are_listed_with_what_they_are_for() -> None:
    assert "recognition" in invoke("presets").output
    listed = json.loads(invoke("presets", "--json").output)
    assert Path(listed["folder"], "local.yaml").is_file()
    assert set(listed["presets"]) >= {"local", "cluster", "s3"}
