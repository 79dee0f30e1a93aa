from pathlib import Path

import pytest
import yaml

from pipeline.config.presets import find_config, preset_names, preset_summary
from pipeline.config.settings import JobConfig, load_config
from pipeline.errors import ConfigError


def test_there_are_presets() -> None:
    assert preset_names() == ["augmentation", "cluster", "local", "recognition", "s3"]


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_says_what_it_is_for(name: str) -> None:
    assert isinstance(load_config(find_config(name)), JobConfig)
    assert 20 < len(preset_summary(name)) < 110


def test_local_holds_every_setting_with_its_default() -> None:
    written = yaml.safe_load(find_config("local").read_text(encoding="utf-8"))
    assert written == JobConfig().model_dump(mode="json")


@pytest.mark.parametrize("text", ["mine.yaml", "./local", "/etc/fpn", "a/b"])
def test_what_has_a_dot_or_slash_is_a_path(text: str) -> None:
    assert find_config(text) == Path(text)


def test_a_preset_that_is_not_there_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'recognition'\?.* \./recogniton"):
        find_config("recogniton")
    with pytest.raises(ConfigError, match="there are: augmentation, cluster"):
        find_config("xyz")
