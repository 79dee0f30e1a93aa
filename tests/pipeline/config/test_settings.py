from pathlib import Path

import pytest

from pipeline.config.settings import EngineSettings, load_config
from pipeline.errors import ConfigError
from render_core.template import Template, named_template


def test_defaults_need_no_file() -> None:
    config = load_config()
    assert config.render.views_deg == [0, 22, 40, 55, 75]
    assert config.pose.model_path is None


def test_overrides_win_over_the_file_and_values_over_both(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("render: {size_px: 112, head: open-mean}\npose: {batch_size: 4}\n")
    config = load_config(file, ["render.size_px=160", "pose.batch_size=8"], {"pose.batch_size": 16})
    assert (config.render.size_px, config.pose.batch_size) == (160, 16)


def test_values_are_taken_as_they_are_even_where_yaml_would_read_them_otherwise() -> None:
    assert load_config(values={"manifest.image_root": "a: b"}).manifest.image_root == "a: b"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("render.size=112", "did you mean 'render.size_px'?"),
        ("rendr.size_px=112", "no setting 'rendr.size_px'; did you mean 'render.size_px'?"),
        ("rendr.size=112", "no setting 'rendr.size'; did you mean 'render.size_px'?"),
        ("pose.size_px=112", "did you mean 'render.size_px'?"),
        ("size_px=112", "no setting 'size_px'; did you mean 'render.size_px'?"),
        ("rendr=112", "no setting 'rendr'; did you mean 'render'?"),
        ("xyz.abc=1", "no setting 'xyz.abc'; there are the sections: manifest, "),
        ("render.qqq=1", "no setting 'render.qqq'; in 'render' there are: "),
        ("render.size_px=big", "render.size_px"),
        ("render.size_px=5", "greater than or equal to 32"),
        ("output.max_reject_fraction=.nan", "max_reject_fraction"),
        ("render.size_px", "section.name=value"),
        ("render.views_deg=[", "not valid YAML"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_way_out(override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("[", r"\[")):
        load_config(None, [override])


def test_every_wrong_setting_of_a_file_is_told_with_its_full_name(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("rendr:\n  size_px: 5\n  backgroud: fill\npose:\n  devise: cpu\n")
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    said = str(caught.value)
    assert "no setting 'rendr.size_px'; did you mean 'render.size_px'?" in said
    assert "no setting 'rendr.backgroud'; did you mean 'render.background'?" in said
    assert "no setting 'pose.devise'; did you mean 'pose.device'?" in said


def test_a_file_that_is_no_mapping_or_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match="must be a mapping"):
        load_config(file)
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.yaml")


def test_where_a_job_runs_is_no_part_of_its_results() -> None:
    here = load_config()
    there = load_config(None, ["engine.address=auto", "pose.device=cpu", "output.max_reject_fraction=0.1"])
    assert here.result_settings() == there.result_settings()
    assert here.result_settings() != load_config(None, ["render.size_px=112"]).result_settings()


def test_stored_settings_hold_no_credentials() -> None:
    config = load_config(values={"manifest.image_root": "s3://key:secret@bucket/photos?region=x"})
    assert config.shown()["manifest"]["image_root"] == "s3://bucket/photos"
    assert config.manifest.image_root == "s3://key:secret@bucket/photos?region=x"


def test_templates_of_upright_crops() -> None:
    def template(*overrides: str) -> Template | None:
        return load_config(None, [f"render.{override}" for override in overrides]).render.template

    assert template() is None
    assert template("aligned_px=112") == named_template("arcface")
    narrow = template("aligned_px=224", "aligned_template=arcface-96x112")
    assert narrow is not None
    assert narrow.size_wh_px == (192, 224)
    own = template("aligned_px=64", "aligned_points_px=[20, 20, 44, 20, 32, 34, 22, 46, 42, 46]")
    assert own == Template((64, 64), ((20.0, 20.0), (44.0, 20.0), (32.0, 34.0), (22.0, 46.0), (42.0, 46.0)))
    wide = template("aligned_px=112", "aligned_margin=0.25")
    assert wide == named_template("arcface").with_margin(0.25)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["aligned_points_px=[1, 2, 3]", "aligned_px=112"], "at least 10 items"),
        (["aligned_points_px=[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]", "aligned_px=112"], "five different points"),
        (["aligned_points_px=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"], "aligned_points_px needs aligned_px"),
    ],
)
def test_templates_that_are_none_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, [f"render.{override}" for override in overrides])


def test_what_is_nested_too_deeply_is_an_error_in_a_line(tmp_path: Path) -> None:
    deep = "[" * 5000 + "]" * 5000
    (tmp_path / "a.yaml").write_text(f"render: {deep}")
    with pytest.raises(ConfigError, match="nested too deeply"):
        load_config(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="nested too deeply"):
        load_config(None, [f"render.views_deg={deep}"])


def test_without_a_home_there_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    assert EngineSettings().cache_path is None
