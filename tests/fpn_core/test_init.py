"""The exported names are those that README.md lists, and its examples run."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

import fpn_core
from fpn_core import NetworkSpec, metadata_to_spec

from .conftest import UINT8_SPEC

README = (Path(fpn_core.__file__).parent / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_exported_names_are_those_of_the_readme():
    listed = re.findall(r"`(\w+)`", README.split("## Names")[1])
    assert sorted(listed) == sorted(fpn_core.__all__)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("name", fpn_core.__all__)
def test_every_exported_name_is_there(name):
    assert hasattr(fpn_core, name)


def test_examples_of_the_readme_run(tmp_path, monkeypatch, tiny_network):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("photo.jpg", np.full((400, 300, 3), 90, np.uint8))
    first, second = EXAMPLES
    names = {"Path": Path}
    exec(first, names)
    assert names["axes_px"].shape == (1, 4, 2)
    tiny_network(UINT8_SPEC, name="exported.onnx")
    exec(second, names)
    assert isinstance(names["spec"], NetworkSpec)
    keys = {entry.key: entry.value for entry in onnx.load("mine.onnx").metadata_props}
    assert metadata_to_spec(keys) == names["spec"]


@pytest.mark.parametrize("other", ["ray", "render_core", "pipeline", "torch", "onnx", "pandas"])
def test_package_imports_nothing_it_must_not(other):
    code = f"import fpn_core, sys; sys.exit({other!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
