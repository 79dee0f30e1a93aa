from pathlib import Path

import pytest

from fpn_core import PoseNetwork
from fpn_core.models import packaged_models
from training.config import ConfigError, load_config, load_front, load_synthesis

FOLDER = Path(__file__).resolve().parents[2] / "training"


def test_the_settings_of_the_shipped_network_are_valid():
    first, config = (load_config(FOLDER / f"{name}.yaml") for name in ("fpn-open-v3-first", "fpn-open-v3"))
    views = load_synthesis(FOLDER / "fpn-open-v3-views.yaml")
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == {config.name, first.name, f"{config.name}-views", "front"}
    assert config.loop.start_from.name == first.name
    assert (config.data, config.network) == (first.data, first.network)
    # Views are rendered from photos that the network is trained with.
    assert {(one.folder, one.table) for one in views.data} < {(one.folder, one.table) for one in config.data}
    assert config.data[-1].folder.name == f"{config.name}-views"
    assert len(load_front(FOLDER / "front.yaml").networks) >= 3


def test_the_shipped_network_sees_the_window_of_its_settings():
    config = load_config(FOLDER / "fpn-open-v3.yaml")
    spec = PoseNetwork(packaged_models()[config.name], device="cpu").spec
    assert (spec.crop_expand, spec.size_px) == (config.network.crop_expand, config.network.size_px)


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
