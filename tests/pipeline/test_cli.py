from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.ledger import LedgerEntry
from pipeline.run import Summary, Totals
from tests.photos import FACE_XYWH_PX, write_portrait


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    write_portrait(tmp_path / "a.jpg")
    box = ",".join(map(str, FACE_XYWH_PX))
    path = tmp_path / "faces.csv"
    path.write_text(
        f"ID,FILE,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT\na,a.jpg,{box}\nb,none.jpg,{box}\nc,a.jpg,0,0,0,9\n"
    )
    return path


def invoke(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_check_says_what_will_become_of_a_manifest(manifest: Path) -> None:
    result = invoke("check", manifest)
    assert result.exit_code == 0
    assert "3 faces (csv)" in result.output
    assert "rows that will be rejected: 1 box_invalid" in result.output
    assert "of 3 sampled faces will be rejected: 1 image_missing" in result.output
    assert "b: image_missing: there is no image 'none.jpg'" in result.output


def test_an_error_is_one_line_with_the_way_out(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text("ID,FILE\na,a.jpg\n")
    result = invoke("run", manifest, tmp_path / "out")
    assert result.exit_code == 1
    assert result.output.startswith("error: ")
    assert result.output.count("\n") == 1
    assert "missing column x, y, width, height" in result.output


def test_debug_shows_the_trace(manifest: Path, tmp_path: Path) -> None:
    result = invoke("--debug", "run", manifest, tmp_path / "out", "--set", "render.size=1")
    assert type(result.exception).__name__ == "ConfigError"


def test_run_hands_its_options_to_the_job(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def job(manifest: str, out: str, config) -> Summary:
        asked.update(manifest=manifest, out=out, config=config)
        totals = Totals().plus(LedgerEntry(0, "f", 3, 1, 2, 5, {"image_missing": 1, "box_invalid": 1}))
        return Summary(totals, 3, 1.0, "CPUExecutionProvider", "why", "f")

    monkeypatch.setattr("pipeline.run.run_job", job)
    result = invoke(
        "run", manifest, "out", "--set", "render.size_px=112", "--image-root", "/r: x", "--address", "auto"
    )
    assert result.exit_code == 0
    assert result.output == (
        "out: 3 faces = 1 posed + 2 rejected, 5 views; rejects: 1 box_invalid, 1 image_missing\n"
    )
    config = asked["config"]
    assert (config.render.size_px, config.manifest.image_root, config.engine.address) == (
        112,
        "/r: x",
        "auto",
    )


def test_verify_fails_on_a_folder_that_is_no_output(tmp_path: Path) -> None:
    result = invoke("verify", tmp_path)
    assert result.exit_code == 1
    assert "is no output of fpn run" in result.output


@pytest.mark.parametrize("command", [[], *([name] for name in main.commands)], ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert len(result.output) > 100


def test_plan_says_what_a_job_would_take_and_writes_nothing(manifest: Path) -> None:
    before = sorted(manifest.parent.iterdir())
    result = invoke("plan", manifest, "--cpus", 4, "--price", "0.05", "--set", "render.size_px=64")
    assert result.exit_code == 0
    assert "3 faces in 1 parts" in result.output
    assert "from 3 faces, of which 2 rejected" in result.output
    assert "on 4 such cores: 0.00 hours" in result.output
    assert "cost at 0.05 a core-hour" in result.output
    assert sorted(manifest.parent.iterdir()) == before


def test_the_table_of_commands_is_complete_and_its_help_short() -> None:
    for section in main.sections.values():
        for name, (_, text) in section.items():
            command = main.get_command(None, name)
            assert command.name == name
            assert len(name) + len(text) < 70


def test_a_misspelt_command_gets_a_suggestion() -> None:
    assert "Did you mean 'retry'?" in invoke("retri").output
    assert "Did you mean 'inspect'?" in invoke("models", "inspct").output
    unknown = invoke("xyz")
    assert unknown.exit_code == 2
    assert "There are: check, plan, run" in unknown.output
