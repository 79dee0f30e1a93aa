from pathlib import Path

import pytest

from pipeline.config.sources import setting_sources


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text("# mine\nrender:\n  size_px: 112\n  crop: face\nmanifest: {columns: {image: path}}\n")
    monkeypatch.chdir(tmp_path)
    return path


def test_each_setting_names_the_last_that_gave_it(file: Path) -> None:
    overrides = ["render.size_px=128", "pose.device=cpu", "manifest.columns.face_id=key"]
    sources = setting_sources(file, overrides, {"pose.device": "--device"})
    assert sources["render.crop"] == "job.yaml:4"
    assert sources["render.size_px"] == "--set"
    assert sources["manifest.columns"] == "--set"
    assert sources["pose.device"] == "--device"
    assert sources["render.head"] == "default"


def test_a_section_that_is_set_as_a_whole_takes_the_place_of_the_files(file: Path) -> None:
    sources = setting_sources(file, ["render={head: open-00}"], {})
    assert sources["render.head"] == "--set"
    assert sources["render.crop"] == "default"
    assert sources["manifest.columns"] == "job.yaml:5"


def test_an_empty_file_gives_nothing(file: Path) -> None:
    file.write_text("")
    assert set(setting_sources(file, (), {}).values()) == {"default"}
