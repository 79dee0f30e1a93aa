from pathlib import Path

import pytest

from pipeline.columns.description import read_description
from pipeline.errors import ConfigError


def describe(folder: Path, text: str) -> Path:
    path = folder / "net.yaml"
    path.write_text(text)
    return path


def test_the_file_counts_from_the_description(tmp_path: Path) -> None:
    found = read_description(describe(tmp_path, "file: a/b.onnx\nlicence: MIT\nsize_px: 224\n"))
    assert found.file == str(tmp_path / "a/b.onnx")
    assert found.input_template.size_wh_px == (224, 224)
    assert (found.channels, found.distance) == ("rgb", "cosine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file: a.onnx", "the key 'licence' is missing"),
        ("file: a.onnx\nlicence: x\nchanels: rgb", "there is no key 'chanels'; there are file, template"),
        ("file: a.onnx\nlicence: x\nstd: [1, 0, 1]", "std holds a zero"),
        ("file: a.onnx\nlicence: x\nchannels: grey", "'rgb' or 'bgr', but got 'grey'"),
        ("- a", "holds a list; expected the keys file"),
        ("a: [", "is no valid YAML"),
    ],
)
def test_a_description_that_is_none_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_description(describe(tmp_path, text))


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .* a YAML file that describes a network"):
        read_description(tmp_path / "none.yaml")
