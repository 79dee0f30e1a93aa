"""Smaller copies of networks: what they keep, what they lose, what they refuse."""

import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest

from fpn_core import (
    MissingPackageError,
    ModelFileError,
    ModelInputError,
    ModelMetadataError,
    PoseNetwork,
    default_model_path,
    geodesic_deg,
    spec_to_metadata,
)
from fpn_core.precision import write_8_bit, write_half_precision

from .conftest import UINT8_SPEC


@pytest.fixture(scope="module")
def original():
    return PoseNetwork(device="cpu")


@pytest.fixture(scope="module")
def crops(original):
    """Smooth spots of light: nearer to faces than noise, whose values no layer was trained for."""
    size, rng = original.spec.size_px, np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size
    pictures = []
    for _ in range(48):
        cx, cy, wide, high = rng.uniform([0.35, 0.35, 0.1, 0.1], [0.65, 0.65, 0.4, 0.4])
        spot = np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / high) ** 2)
        pictures.append(spot[:, :, None] * rng.uniform(60, 220, 3) + rng.uniform(0, 35, 3))
    return np.stack(pictures).astype(np.uint8)


def assert_close(original, path, crops, suffix, mean_deg, share_of_size):
    copy = PoseNetwork(path, device="cpu")
    assert copy.spec == replace(original.spec, name=f"{original.spec.name}-{suffix}")
    assert geodesic_deg(copy(crops).rotation, original(crops).rotation).mean() < mean_deg
    assert path.stat().st_size < share_of_size * default_model_path().stat().st_size


def test_half_precision_says_the_same_in_half_the_bytes(original, crops, tmp_path):
    spec = write_half_precision(default_model_path(), tmp_path / "half.onnx")
    assert spec.name.endswith("-fp16")
    # Measured: 0.06 degrees on such spots, of which one moves by 0.15.
    assert_close(original, tmp_path / "half.onnx", crops, "fp16", mean_deg=0.2, share_of_size=0.51)


def test_8_bits_say_nearly_the_same_in_a_quarter_of_the_bytes(original, crops, tmp_path):
    spec = write_8_bit(default_model_path(), tmp_path / "small.onnx", crops[:32])
    assert spec.name.endswith("-int8")
    # Measured: 3.1 degrees on such spots, of which one moves by 6.6; on faces the copy errs 0.01 more.
    assert_close(original, tmp_path / "small.onnx", crops[32:], "int8", mean_deg=5, share_of_size=0.28)


@pytest.mark.parametrize("crops_shape", [(15, 112, 112, 3), (40, 96, 96, 3), (0, 112, 112, 3)])
def test_crops_that_are_too_few_or_too_small_are_refused(crops_shape, tmp_path):
    with pytest.raises(ModelInputError, match="at least 16"):
        write_8_bit(default_model_path(), tmp_path / "small.onnx", np.zeros(crops_shape, np.uint8))
    assert not (tmp_path / "small.onnx").exists()


def test_network_without_layers_to_shrink_is_refused(tiny_network, tmp_path):
    crops = np.zeros((16, 8, 8, 3), np.uint8)
    with pytest.raises(ModelFileError, match="no layer with weights"):
        write_8_bit(tiny_network(), tmp_path / "small.onnx", crops)


@pytest.mark.parametrize(
    "write", [write_half_precision, lambda *paths: write_8_bit(*paths, np.zeros((16, 8, 8, 3), np.uint8))]
)
def test_network_that_does_not_describe_itself_is_refused(write, tiny_network, tmp_path):
    bare = tiny_network(metadata=dict.fromkeys(spec_to_metadata(UINT8_SPEC)))
    with pytest.raises(ModelMetadataError, match="schema is missing"):
        write(bare, tmp_path / "small.onnx")


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match="convert"):
        write_half_precision(default_model_path(), tmp_path / "half.onnx")


def test_inputs_and_outputs_of_half_precision_stay_as_they_are(tmp_path):
    write_half_precision(default_model_path(), tmp_path / "half.onnx")
    before, after = onnx.load(str(default_model_path())).graph, onnx.load(str(tmp_path / "half.onnx")).graph
    assert list(after.input) == list(before.input) and list(after.output) == list(before.output)
