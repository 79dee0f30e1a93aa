from pathlib import Path

import pytest

from faceposenet.known_detectors import CACHE, YUNET, detector_file, how_to_fetch


def test_a_name_stands_for_the_fetched_file_unless_there_is_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert detector_file("yunet") == YUNET.path == CACHE.expanduser() / YUNET.file
    assert YUNET.path.is_relative_to(tmp_path)
    assert detector_file("other.onnx") == Path("other.onnx")
    Path("yunet").write_bytes(b"mine")
    assert detector_file("yunet") == Path("yunet")


def test_how_to_fetch_names_licence_and_the_way_without_a_network() -> None:
    text = how_to_fetch()
    assert "MIT" in text and YUNET.url in text and "--from" in text
