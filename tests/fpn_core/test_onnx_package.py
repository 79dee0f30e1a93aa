import sys
from pathlib import Path

import pytest

from fpn_core import MissingPackageError, ModelFileError, default_model_path
from fpn_core.onnx_package import load_onnx


def test_a_file_is_read_into_its_graph() -> None:
    model = load_onnx(default_model_path())
    assert [value.name for value in model.graph.input] == ["image"]


def test_files_that_cannot_be_read_or_hold_no_network_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"absent\.onnx: No such file"):
        load_onnx(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("no network", encoding="ascii")
    with pytest.raises(ModelFileError, match=r"text\.onnx"):
        load_onnx(tmp_path / "text.onnx")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match=r"faceposenet\[convert\]"):
        load_onnx(default_model_path())
