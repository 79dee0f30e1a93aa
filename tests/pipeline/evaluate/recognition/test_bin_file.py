import os
import pickle
from pathlib import Path

import pytest

from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.recognition.bin_file import read_bin


def write(folder: Path, value: object, protocol: int = 4) -> Path:
    path = folder / "pairs.bin"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_pairs_of_any_protocol_with_bytes(tmp_path: Path, protocol: int) -> None:
    images = [bytes([i]) * 300 for i in range(40)]
    pairs = read_bin(write(tmp_path, (images, [True, False] * 10), protocol))
    assert [face.image for face in pairs.faces] == images
    assert (pairs.first[3], pairs.second[3], bool(pairs.same[3])) == (6, 7, False)
    assert pairs.fold is not None
    assert len(set(pairs.fold.tolist())) == 10


def test_a_pickle_of_python_2(tmp_path: Path) -> None:
    """As InsightFace's own files: byte strings of protocol 2."""
    path = tmp_path / "lfw.bin"
    path.write_bytes(b"\x80\x02]q\x00(U\x01aU\x01bU\x01cU\x01de]q\x01(\x88\x89e\x86q\x02.")
    pairs = read_bin(path)
    assert [face.image for face in pairs.faces] == [b"a", b"b", b"c", b"d"]
    assert pairs.same.tolist() == [True, False]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("ran-this",)


@pytest.mark.parametrize("value", [Evil(), ([b"a", b"b"], [Evil()])])
def test_nothing_is_run(tmp_path: Path, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in range(6):
        with pytest.raises(DatasetError, match="more than build lists"):
            read_bin(write(tmp_path, value, protocol))
    assert not (tmp_path / "ran-this").exists()


@pytest.mark.parametrize(
    "value",
    [[b"a", b"b"], ([b"a"], [True]), ([b"a", b"b"], [b"yes"]), ([], []), ([b"a", [b"b"]], [True])],
)
def test_other_things_are_no_pairs(tmp_path: Path, value: object) -> None:
    with pytest.raises(DatasetError, match="something else than pairs"):
        read_bin(write(tmp_path, value))


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path, ([b"a" * 500] * 4, [True, False]))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DatasetError, match=r"no \.bin of InsightFace, or a damaged one"):
        read_bin(path)
