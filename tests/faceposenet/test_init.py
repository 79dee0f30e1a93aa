import ast
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import faceposenet

ROOT = Path(__file__).parents[2]


def test_all_names_are_there_and_documented() -> None:
    for name in faceposenet.__all__:
        found = getattr(faceposenet, name)
        assert name == "__version__" or found.__doc__, name


def test_the_site_tells_of_every_name_and_of_no_other() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\.\. auto\w+:: faceposenet\.(\w+)$", page, re.MULTILINE))
    assert told == set(faceposenet.__all__) - {"__version__"}


def test_type_checkers_see_the_names_that_are_loaded_at_their_first_use() -> None:
    tree = ast.parse(Path(faceposenet.__file__).read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    of_the_library = {
        name: module for name, module in faceposenet._MODULE_OF.items() if name not in faceposenet._OF_THE_JOB
    }
    assert seen == of_the_library
    assert seen.keys() | {"__version__"} == set(faceposenet.__all__) <= set(dir(faceposenet))


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'poze'"):
        faceposenet.poze  # noqa: B018


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    dynamic = project["tool"]["setuptools"]["dynamic"]["version"]
    assert dynamic == {"attr": "faceposenet.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", faceposenet.__version__)


def test_it_is_typed() -> None:
    for package in ("faceposenet", "fpn_core", "render_core", "pipeline"):
        assert (files(package) / "py.typed").is_file()
