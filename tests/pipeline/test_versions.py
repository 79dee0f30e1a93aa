import importlib.metadata

import pytest

from pipeline.versions import library_versions


def test_a_library_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "ray":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    assert "ray" in library_versions()
    monkeypatch.setattr("pipeline.versions.version", version)
    found = library_versions()
    assert "ray" not in found
    assert found["numpy"] == "1.0"
    assert {"opencv", "onnxruntime", "python"} <= found.keys()
