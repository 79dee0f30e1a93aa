from pathlib import Path

import pytest

from fpn_core.models import packaged_models
from training.config import ConfigError, load_config, load_front, load_synthesis

FOLDER = Path(__file__).resolve().parents[2] / "training"


def test_the_shipped_settings_are_valid():
    config = load_config(FOLDER / "fpn-open-v7.yaml")
    for name in (config.teacher.network, config.loop.start_from):
        assert packaged_models()[name.stem].name == name.name
    config = load_config(FOLDER / "fpn-open-v6.yaml")
    assert config.data[0].head_frame and config.loop.last_step == config.loop.steps
    first = load_config(FOLDER / "fpn-open-v5.yaml")
    assert config.loop.start_from.name == first.name and first.loop.last_step < first.loop.steps
    config = load_config(FOLDER / "fpn-open-v4.yaml")
    assert first.loop.start_from.name == config.name
    assert packaged_models()[config.loop.start_from.stem].name == config.loop.start_from.name
    assert not config.loss.contour and [part.contour for part in config.data] == [True, False]
    config = load_config(FOLDER / "fpn-open-v3.yaml")
    assert config.name == "fpn-open-v3"
    assert all(part.points_of == config.data[0].folder for part in config.data)
    assert config.loop.start_from.name == load_config(FOLDER / "fpn-open-v2.yaml").name
    config = load_config(FOLDER / "fpn-open-v2.yaml")
    assert config.loop.pairs and config.loss.consistency > 0
    assert config.loop.start_from.name == load_config(FOLDER / "fpn-open-v1.yaml").name
    config = load_config(FOLDER / "fpn-open-v1.yaml")
    assert config.loop.fixed_norms
    assert config.loop.start_from.name == load_config(FOLDER / "fpn-open-v1-first.yaml").name
    for name in ("synthesis.yaml", "synthesis-v3.yaml"):
        assert load_synthesis(FOLDER / name).yaw_deg == 90
    assert len(load_front(FOLDER / "front.yaml").networks) >= 3


def test_a_misspelt_setting_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("name: x\ndata: []\nloop: {step: 3}\n")
    with pytest.raises(ConfigError, match=r"loop\.step"):
        load_config(path)


def test_a_file_that_is_not_there_is_an_error_of_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.yaml")


def test_without_a_file_synthesis_has_its_defaults():
    assert load_synthesis(None).faces == 16_000


def test_consistency_needs_pairs(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("name: a\ndata: []\nloss: {consistency: 0.5}\n")
    with pytest.raises(ConfigError, match=r"loss\.consistency is 0\.5.*set it to true"):
        load_config(path)
