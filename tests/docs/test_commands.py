"""Every command in the documentation is one that exists, with options that exist."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest

from pipeline.cli.main import main
from pipeline.config.settings import load_config
from pipeline.errors import ConfigError

ROOT = Path(__file__).parents[2]
TEXTS = [
    path
    for folder in (
        "",
        "docs",
        "fpn_core",
        "fpn_core/models",
        "render_core",
        "pipeline",
        "pipeline/evaluate",
        "training",
    )
    for path in sorted((ROOT / folder).glob("*.md"))
]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\s*([A-Z_]+=\S+ )*(fpn|make|pip|python|ray)\s")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def fences(path: Path, languages: set[str]) -> Iterator[str]:
    for _, language, body in _FENCE.findall(path.read_text(encoding="utf-8")):
        if language in languages:
            yield body


def lines(path: Path) -> Iterator[list[str]]:
    """The command lines of a text in words; a line that ends with a backslash goes on."""
    for body in fences(path, {"sh", "bash", "shell", ""}):
        for line in body.replace("\\\n", " ").splitlines():
            if not _COMMAND.match(line):  # what a command printed, or a tree of files
                continue
            # Without what a shell does with the output.
            words = shlex.split(re.split(r" (?:>|>>|\||&&) ", line)[0], comments=True)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):  # variables before a command
                words.pop(0)
            if words:
                yield words


def of_program(words: list[str]) -> list[str] | None:
    """The arguments of `fpn` in a command line, if it is one, perhaps behind `ray job submit`."""
    if words[0] == "fpn":
        return words[1:]
    for i, word in enumerate(words):
        if word == "-m" and words[i + 1] == "pipeline":
            return words[i + 2 :]
    return None


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEXTS, ids=ids)
def test_command_lines_are_understood(path: Path) -> None:
    for words in lines(path):
        arguments = of_program(words)
        if arguments is not None:
            parse(arguments)


def parse(arguments: list[str]) -> None:
    """Let click read the arguments, as the program would, without running the command."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        name, *arguments = [word for word in arguments if word != "--debug"]
        if name in ("-h", "--help", "--version"):
            return
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name!r}"
        command = found
        context = click.Context(found, parent=context)
    if {"-h", "--help"} & set(arguments):
        return
    command.make_context(command.name, list(arguments), parent=context.parent)
    overrides = [after for word, after in pairwise(arguments) if word == "--set"]
    if command.name in ("run", "check", "plan", "retry"):
        load_config(None, overrides)


@pytest.mark.parametrize("path", TEXTS, ids=ids)
def test_commands_and_options_named_in_the_text_exist(path: Path) -> None:
    """`fpn retry OUT [--reason CODE]` in running text: the command and its options, not their values."""
    prose = _FENCE.sub("", path.read_text(encoding="utf-8"))
    for span in _SPAN.findall(prose):
        if not re.match(r"fpn [a-z]", span):
            continue
        words = re.findall(r"[^\s\[\]|]+", span)[1:]
        command: click.Command = main
        while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+", words[0]):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, span
            command = found
        known = {
            option for parameter in command.params for option in parameter.opts + parameter.secondary_opts
        }
        named = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert named <= known | {"--help"}, span


@pytest.mark.parametrize("path", TEXTS, ids=ids)
def test_make_targets_programs_and_extras_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(project["project"]["optional-dependencies"])
    text = path.read_text(encoding="utf-8")
    spans = [shlex.split(span) for span in _SPAN.findall(text) if re.match(r"(make|python) \S+$", span)]
    for words in [*lines(path), *spans]:
        if words[0] == "make":
            assert set(words[1:2]) <= targets, words
        for word in words:
            if re.fullmatch(r"(docs|benchmarks|training)/\w+\.py", word):
                assert (ROOT / word).is_file(), words
    for named in re.findall(r"faceposenet\[([\w,-]+)\]", text):
        assert set(named.split(",")) <= extras, named


@pytest.mark.parametrize("path", TEXTS, ids=ids)
def test_python_in_the_text_is_python(path: Path) -> None:
    for body in fences(path, {"python"}):
        compile(body, str(path), "exec")


def test_the_checks_above_find_what_is_wrong() -> None:
    for wrong, error in (
        (["runn"], AssertionError),
        (["run", "a", "b", "--no-such"], click.NoSuchOption),
        (["run", "a"], click.MissingParameter),
        (["run", "a", "b", "--set", "x.y=1"], ConfigError),
    ):
        with pytest.raises(error):
            parse(wrong)
    assert of_program(["ray", "job", "submit", "--", "python", "-m", "pipeline", "run", "m"]) == ["run", "m"]
    assert sum(of_program(words) is not None for path in TEXTS for words in lines(path)) > 10


def named_in_the_tree() -> list[str]:
    """Paths in CONTRIBUTING's tree, from the root, in order."""
    (tree,) = (body for body in fences(ROOT / "CONTRIBUTING.md", {""}) if body.startswith("faceposenet/"))
    found, folder = [], ""
    for line in tree.splitlines():
        names = re.split(r"\s{2,}", line.strip())[0].split(", ")
        if not line.startswith(" "):
            folder = ""
        found += [folder + name.rstrip("/") for name in names]
        if not line.startswith(" "):
            folder = names[0]
    return found


def test_the_tree_in_contributing_is_the_tree() -> None:
    named = named_in_the_tree()
    assert len(named) == len(set(named))
    assert [path for path in named if not (ROOT / path).exists()] == []
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout, so the files of the project are not known")
    files = [Path(line).parts for line in tracked.stdout.splitlines()]
    packages = {parts[0] for parts in files if len(parts) > 1 and not parts[0].startswith(".")}
    inside = {
        f"{parts[0]}/{parts[1]}"
        for parts in files
        if parts[0] in {"fpn_core", "pipeline"} and not parts[1].startswith("__") and parts[1] != "py.typed"
    }
    assert packages | inside - {"pipeline/README.md"} <= set(named)
