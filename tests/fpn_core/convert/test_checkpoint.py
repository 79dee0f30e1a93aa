"""Checkpoints of both versions, whole and damaged."""

from pathlib import Path

import numpy as np
import pytest

from fpn_core import CheckpointError
from fpn_core.convert.checkpoint import read_checkpoint

from .tf_writer import WRITERS, Table, write_version_1, write_version_2

RNG = np.random.default_rng(0)
VARIABLES = {
    "net/conv1/W": RNG.normal(size=(3, 3, 2, 4)).astype(np.float32),
    "net/conv1/b": RNG.normal(size=4).astype(np.float32),
    "net/fc/W": RNG.normal(size=(300, 20)),
    "net/fc/b": RNG.normal(size=7),
    "net/scalar": np.array(2.5, np.float32),
    "global_step": np.array(1000, np.int32),
    **{f"net/many/{i:03d}": np.full(2, i, np.float32) for i in range(30)},
}

both = pytest.mark.parametrize("version", WRITERS)


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "model_1.ckpt"


@both
def test_variables_come_back_bit_by_bit(version, checkpoint):
    WRITERS[version](checkpoint, VARIABLES)
    found = read_checkpoint(checkpoint)
    assert found.keys() == VARIABLES.keys()
    for name, array in VARIABLES.items():
        assert found[name].shape == array.shape
        if array.dtype.kind == "f":
            np.testing.assert_array_equal(found[name].read(), array)
            assert found[name].read().dtype == array.dtype


@both
def test_compressed_blocks_are_read(version, checkpoint):
    snappy = pytest.importorskip("pyarrow").Codec("snappy")
    table = Table(kind=1, compress=lambda body: snappy.compress(body, asbytes=True))
    even = VARIABLES | {"net/even": np.tile(np.arange(9, dtype=np.float32), 999)}
    WRITERS[version](checkpoint, even, table)
    found = read_checkpoint(checkpoint)
    for name in ("net/conv1/W", "net/fc/W", "net/even"):
        np.testing.assert_array_equal(found[name].read(), even[name])


@pytest.mark.parametrize("version", [1, 2])
def test_checkpoint_of_tensorflow_itself_is_read(version):
    """Written by tests/tensorflow/write_samples.py."""
    found = read_checkpoint(Path(__file__).parent / f"samples/version_{version}.ckpt")
    expected = {
        "net/conv1/W": np.arange(30, dtype=np.float32).reshape(2, 3, 5) / 7,
        "net/conv1/baises": np.linspace(-1, 1, 4).astype(np.float32),
        "net/fc/W": np.arange(12.0).reshape(3, 4) / 11,
        "net/scalar": np.array(2.5, np.float32),
    }
    assert found.keys() == expected.keys() | {"global_step"}
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name].read(), array)
        assert found[name].read().dtype == array.dtype


@both
def test_variable_that_holds_no_weights_is_refused_only_when_read(version, checkpoint):
    WRITERS[version](checkpoint, VARIABLES)
    with pytest.raises(CheckpointError, match="global_step is of TensorFlow's type 3"):
        read_checkpoint(checkpoint)["global_step"].read()


@both
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_table_cut_short_is_refused(version, share, checkpoint):
    WRITERS[version](checkpoint, VARIABLES)
    path = checkpoint if version == "version 1" else checkpoint.with_name("model_1.ckpt.index")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"cut short, or another file"):
        read_checkpoint(checkpoint)


@both
def test_any_damage_in_the_middle_is_one_of_our_errors_or_harmless(version, checkpoint):
    """Whatever a byte becomes, nothing but a CheckpointError comes out of the reader."""
    small = dict(list(VARIABLES.items())[-3:])
    WRITERS[version](checkpoint, small)
    path = checkpoint if version == "version 1" else checkpoint.with_name("model_1.ckpt.index")
    content, refused = path.read_bytes(), 0
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            for variable in read_checkpoint(checkpoint).values():
                variable.read()
        except CheckpointError:
            refused += 1
    # Nothing but the unused part of the footer's 48 bytes may change unseen.
    assert refused > len(content) - 48


def test_data_cut_short_are_refused_when_they_are_needed(checkpoint):
    write_version_2(checkpoint, VARIABLES)
    data = checkpoint.with_name("model_1.ckpt.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:310])
    found = read_checkpoint(checkpoint)
    np.testing.assert_array_equal(found["net/conv1/b"].read().shape, (4,))
    with pytest.raises(CheckpointError, match=r"has 310 bytes, but net/fc/W ends at .* cut short"):
        found["net/fc/W"].read()


def test_data_file_that_is_missing_is_named(checkpoint):
    write_version_2(checkpoint, VARIABLES)
    checkpoint.with_name("model_1.ckpt.data-00000-of-00001").unlink()
    with pytest.raises(CheckpointError, match=r"data-00000-of-00001: No such file"):
        read_checkpoint(checkpoint)["net/fc/W"].read()


def test_weights_that_changed_fail_their_checksum(checkpoint):
    write_version_2(checkpoint, VARIABLES)
    data = checkpoint.with_name("model_1.ckpt.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[1000] ^= 4
    data.write_bytes(content)
    found = read_checkpoint(checkpoint)
    with pytest.raises(CheckpointError, match=r"net/fc/W in .* fails its checksum"):
        found["net/fc/W"].read()
    assert found["net/conv1/W"].read().shape == (3, 3, 2, 4)


def test_checksum_of_the_index_is_held(checkpoint):
    write_version_2(checkpoint, VARIABLES)
    index = checkpoint.with_name("model_1.ckpt.index")
    content = bytearray(index.read_bytes())
    at = content.index(b"many")
    content[at] ^= 1
    index.write_bytes(content)
    with pytest.raises(CheckpointError, match="fails its checksum"):
        read_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"table": Table(kind=2)}, "compressed in the way 2"), ({"big_endian": True}, "big-endian")],
)
def test_kinds_of_checkpoints_that_are_not_read_are_refused(options, message, checkpoint):
    write_version_2(checkpoint, VARIABLES, **options)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(checkpoint)


def test_variables_in_pieces_are_refused(checkpoint):
    write_version_2(checkpoint, VARIABLES, sliced={"net/fc/W"})
    with pytest.raises(CheckpointError, match=r"net/fc/W .*of slices"):
        read_checkpoint(checkpoint)["net/fc/W"].read()
    checkpoint.with_name("model_1.ckpt.index").unlink()
    write_version_1(checkpoint, VARIABLES, pieces=2)
    with pytest.raises(CheckpointError, match=r"net/fc/W .*2 pieces"):
        read_checkpoint(checkpoint)["net/fc/W"].read()


@pytest.mark.parametrize("content", [b"", b"a text", b"\0" * 500])
def test_file_that_is_no_checkpoint_is_refused(content, checkpoint):
    checkpoint.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model_1\.ckpt"):
        read_checkpoint(checkpoint)


def test_missing_file_is_named_with_what_is_looked_for(checkpoint):
    with pytest.raises(CheckpointError, match=r"No such file.*model_1\.ckpt\.index"):
        read_checkpoint(checkpoint)
