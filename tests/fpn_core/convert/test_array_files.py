"""NumPy's files: plain ones, pickled arrays, and pickles that are not arrays."""

import os
import pickle

import numpy as np
import pytest

from fpn_core import CheckpointError
from fpn_core.convert.array_files import read_arrays

PLAIN = {"mean": np.array([0.1, 0.2, 0.3]), "std": np.arange(6, dtype=np.float32).reshape(2, 3)}


class Command:
    """What a stranger may put into a pickle."""

    def __reduce__(self):
        return os.system, ("echo this must not run",)


def test_plain_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", **PLAIN)
    np.save(tmp_path / "b.npy", PLAIN["std"])
    found = read_arrays(tmp_path / "a.npz")
    assert found.keys() == PLAIN.keys()
    np.testing.assert_array_equal(found["std"], PLAIN["std"])
    np.testing.assert_array_equal(read_arrays(tmp_path / "b.npy")["b.npy"], PLAIN["std"])


def test_pickled_arrays_need_the_flag(tmp_path):
    numbers = np.array([PLAIN["std"][0], PLAIN["std"][1]], object)
    np.savez(tmp_path / "a.npz", numbers=numbers)
    with pytest.raises(CheckpointError, match=r"numbers\.npy is pickled.*--allow-pickle"):
        read_arrays(tmp_path / "a.npz")
    found = read_arrays(tmp_path / "a.npz", allow_pickle=True)["numbers"]
    np.testing.assert_array_equal(found, PLAIN["std"])
    assert found.dtype == np.float64


def test_pickles_as_python_2_wrote_them_are_read(tmp_path):
    # numpy.core.multiarray, as NumPy called its core then.
    header = np.lib.format.header_data_from_array_1_0(np.empty((3,), object))
    with (tmp_path / "old.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        pickled = pickle.dumps(np.array([1.5, 2.5, 3.5], object), protocol=3)
        file.write(pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    found = read_arrays(tmp_path / "old.npy", allow_pickle=True)["old.npy"]
    np.testing.assert_array_equal(found, [1.5, 2.5, 3.5])


def test_pickle_that_would_run_something_is_refused_even_with_the_flag(tmp_path, capfd):
    np.save(tmp_path / "evil.npy", np.array([Command()], object), allow_pickle=True)
    for allow in (False, True):
        with pytest.raises(CheckpointError, match=r"evil\.npy"):
            read_arrays(tmp_path / "evil.npy", allow_pickle=allow)
    assert "must not run" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY\x01\x00", b"PK\x03\x04 torn"])
def test_other_files_are_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        read_arrays(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_files_cut_short_are_refused(name, tmp_path):
    path = tmp_path / name
    np.savez(path, **PLAIN) if name == "a.npz" else np.save(path, PLAIN["std"])
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="cannot read the arrays"):
        read_arrays(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        read_arrays(tmp_path / "none.npz")
