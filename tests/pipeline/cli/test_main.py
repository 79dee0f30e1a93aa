import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fpn_core import ModelError
from pipeline.cli import exit_codes
from pipeline.cli.main import main
from pipeline.errors import (
    ConfigError,
    JobIncompleteError,
    PipelineError,
    ResourceError,
    StorageUnavailableError,
)
from pipeline.job.ledger import LedgerEntry
from pipeline.job.summary import Summary, Totals
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


def test_windows_is_refused_with_the_way_out(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    result = invoke("check", manifest)
    assert result.exit_code == 1
    assert "does not run on Windows" in result.output and "WSL 2" in result.output
    assert invoke("--help").exit_code == 0


def test_debug_shows_the_trace(manifest: Path, tmp_path: Path) -> None:
    for words in (["--debug", "run"], ["run", "--debug"]):  # where people put it
        result = invoke(*words, manifest, tmp_path / "out", "--set", "render.size=1")
        assert type(result.exception).__name__ == "ConfigError"


def test_run_hands_its_options_to_the_job(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def job(manifest: str, out: str, config, **options: object) -> Summary:
        asked.update(manifest=manifest, out=out, config=config, **options)
        totals = Totals().plus(LedgerEntry(0, "f", 3, 1, 2, 5, {"image_missing": 1, "box_invalid": 1}))
        return Summary(totals, 3, 1.0, "CPUExecutionProvider", "why", "f")

    monkeypatch.setattr("pipeline.job.run.run_job", job)
    result = invoke(
        "run", manifest, "out", "--set", "render.size_px=112", "--image-root", "/r: x", "--address", "auto"
    )
    assert result.exit_code == 0
    assert result.output == (
        "out: 3 faces = 1 posed + 2 rejected, 5 views; rejects: 1 box_invalid, 1 image_missing\n"
        "see them in a browser: fpn report out\n"
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
    assert "is not an output of fpn run" in result.output


def leaves(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its name in words."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield (*path, name), command


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*leaf, id=" ".join(leaf[0])) for leaf in leaves(main)]
)
def test_every_command_has_help_with_examples_in_the_same_style(
    path: tuple[str, ...], command: click.Command
) -> None:
    result = invoke(*path, "--help")
    assert result.exit_code == 0
    assert f"    fpn {' '.join(path)}" in result.output.partition("Example")[2]
    options = [p for p in command.params if isinstance(p, click.Option) and p.name != "help"]
    assert [option.name for option in options if not (option.help or "").endswith((".", "]"))] == []


def test_the_commands_that_scripts_read_have_json() -> None:
    speaking = {"check", "plan", "run", "retry", "verify", "evaluate", "models inspect", "config show"}
    found = {
        " ".join(path) for path, command in leaves(main) if any(p.name == "as_json" for p in command.params)
    }
    assert speaking <= found


def test_help_and_completion_import_nothing_heavy() -> None:
    code = (
        "import sys, pipeline.cli.main\n"
        "from click.testing import CliRunner\n"
        "run = CliRunner().invoke\n"
        "assert run(pipeline.cli.main.main, ['--help']).exit_code == 0\n"
        "assert run(pipeline.cli.main.main, ['run', '--help']).exit_code == 0\n"
        "assert run(pipeline.cli.main.main, ['completion', 'zsh']).exit_code == 0\n"
        "print(*{'ray', 'onnxruntime', 'cv2', 'numpy', 'pyarrow', 'pydantic'} & set(sys.modules))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    script = invoke("completion", shell).output
    assert "_FPN_COMPLETE" in script


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("fpn ver", {"verify"}),
        ("fpn retry out --reason image_m", {"image_missing"}),
        ("fpn run a b --config recog", {"recognition"}),
        ("fpn config s", {"show"}),
    ],
)
def test_completion_knows_commands_reasons_and_presets(typed: str, offered: set[str]) -> None:
    words = typed.split()
    environment = {"_FPN_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    result = CliRunner().invoke(main, prog_name="fpn", env=environment)
    assert {line.partition(",")[2] for line in result.output.splitlines()} == offered


def test_json_is_all_that_is_printed(manifest: Path, tmp_path: Path) -> None:
    found = json.loads(invoke("check", manifest, "--json").stdout)
    assert (found["faces"], found["bad_rows"], found["bad_samples"]) == (
        3,
        {"box_invalid": 1},
        {"image_missing": 1},
    )
    found = json.loads(invoke("plan", manifest, "--cpus", 4, "--set", "render.size_px=64", "--json").stdout)
    assert (found["parts"], found["hours"] * 4) == (1, pytest.approx(found["core_hours"]))
    manifest.write_text("face_id,image,x,y,width,height\na,a.jpg,0,0,0,0\n")
    assert json.loads(invoke("check", manifest, "--json").stdout)["box_side_px"] == [None, None, None]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PipelineError("x"), 1),
        (ModelError("x"), 1),
        (ConfigError("x"), 2),
        (JobIncompleteError("x"), 3),
        (StorageUnavailableError("x"), 4),
        (ResourceError("x"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(error: BaseException, code: int, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("pipeline.job.run.run_job", fail)
    result = invoke("run", manifest, "out", "--json")
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.count("\n") <= 2


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
    assert "check, plan, run, retry" in unknown.output


def test_a_manifest_that_is_not_there_gets_a_way_out(manifest: Path) -> None:
    result = invoke("check", manifest.with_name("face.csv"))
    assert (result.exit_code, f"did you mean '{manifest}'?" in result.output) == (1, True)
    result = invoke("check", manifest.parent / "none" / "faces.csv")
    assert f"its folder '{manifest.parent / 'none'}' is not there either" in result.output
    result = invoke("check", manifest.with_name("x"))
    assert "expected a Parquet, CSV or list file" in result.output


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    result = invoke("heads", "show", tmp_path / "none" / "x.png", "--head", "open-00", "--size", 16)
    assert (result.exit_code, result.output) == (
        1,
        f"error: {tmp_path / 'none' / 'x.png'}: No such file or directory\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "x", "--cpus", 0),
        ("plan", "x", "--sample", 0),
        ("check", "x", "--sample", -1),
        ("heads", "show", "x", "--size", 1),
    ],
)
def test_numbers_out_of_range_are_a_wrong_command(arguments: tuple[object, ...]) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, "is not in the range" in result.output) == (2, True)


def test_the_manual_has_every_command_and_exit_code() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in main.list_commands(None) if f"| `fpn {name}` |" not in manual] == []
    codes = {value for name, value in vars(exit_codes).items() if name.isupper()}
    assert [code for code in codes if f"\n| {code} | " not in manual] == []
