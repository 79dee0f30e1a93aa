from pathlib import Path

import pytest

from training.config import ConfigError, load_config, load_front, load_synthesis

FOLDER = Path(__file__).resolve().parents[2] / "training"


def test_the_recipe_is_valid():
    config = load_config(FOLDER / "fpn-open-v3.yaml")
    views = load_synthesis(FOLDER / "fpn-open-v3-views.yaml")
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {config.name, f"{config.name}-views", "front"}
    # Views are rendered from photos that the network is trained with.
    assert {(data.folder, data.table) for data in views.data} < {
        (data.folder, data.table) for data in config.data
    }
    assert config.data[-1].folder.name == f"{config.name}-views"
    assert len(load_front(FOLDER / "front.yaml").networks) >= 3


def test_a_misspelt_setting_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("name: x\ndata: []\nloop: {step: 3}\n")
    with pytest.raises(ConfigError, match=r"loop\.step"):
        load_config(path)


def test_a_file_that_is_not_there_is_an_error_of_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.yaml")


def test_consistency_needs_pairs(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("name: a\ndata: []\nloss: {consistency: 0.5}\n")
    with pytest.raises(ConfigError, match=r"loss\.consistency is 0\.5.*set it to true"):
        load_config(path)
