from pathlib import Path

import pytest
import yaml

from pipeline.config.settings import JobConfig, load_config
from pipeline.config.sources import setting_sources
from pipeline.config.text import annotated_yaml, default_yaml, describe_settings, settings_table

MANUAL = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_every_setting_is_described() -> None:
    settings = [setting for section in describe_settings() for setting in section.settings]
    assert [s.name for s in settings if not s.description.endswith((".", "`"))] == []
    assert {f"{s.section}.{s.name}" for s in settings} == set(setting_sources(None, (), {}))


def test_values_are_told_in_words() -> None:
    said = {f"{s.section}.{s.name}": s.values for section in describe_settings() for s in section.settings}
    assert said["render.size_px"] == "whole number 32 to 2048"
    assert said["render.view_policy"] == "near, all"
    assert said["manifest.carry"] == "all or list of texts"
    assert said["engine.cpus"] == "whole number from 1 or null"
    assert said["engine.stall_timeout_s"] == "number above 0"


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["manifest.columns={face_id: 'a: #b', image: ü}", "manifest.carry=[x, 'y, z']"],
        ["images.roots=[/a b, 's3://c']", "render.views_deg=[-40, 0]", "output.max_reject_fraction=1e-3"],
    ],
)
def test_what_is_shown_reads_back_as_the_same_settings(overrides: list[str], tmp_path: Path) -> None:
    config = load_config(None, overrides)
    file = tmp_path / "shown.yaml"
    file.write_text(annotated_yaml(config, setting_sources(None, overrides, {})), encoding="utf-8")
    assert load_config(file) == config
    # Every setting is there, not only those that differ from the defaults.
    assert yaml.safe_load(file.read_text(encoding="utf-8")).keys() == JobConfig.model_fields.keys()


def test_the_preset_local_has_every_setting_with_its_default() -> None:
    preset = Path(__file__).parents[3] / "configs" / "local.yaml"
    assert preset.read_text(encoding="utf-8") == default_yaml(), "run docs/write_settings.py"
    assert load_config(preset) == JobConfig()


def test_the_manual_has_the_settings_as_they_are() -> None:
    assert settings_table() in MANUAL.read_text(encoding="utf-8"), "run docs/write_settings.py"
