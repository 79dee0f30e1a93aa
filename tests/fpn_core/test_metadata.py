"""Metadata and specification are the same thing in two forms, and every wrong key is named."""

from dataclasses import replace

import onnx
import pytest

from fpn_core import ModelMetadataError, PoseNetwork, metadata_to_spec, spec_to_metadata, write_metadata
from fpn_core import metadata as metadata_module

from .conftest import FLOAT_SPEC, UINT8_SPEC

SPECS = [
    UINT8_SPEC,
    FLOAT_SPEC,
    replace(UINT8_SPEC, crop_expand=(0.1, 0.2, 0.3, 0.0)),
    replace(UINT8_SPEC, rotation_form="matrix", layout="NCHW", crop_interpolation="cubic"),
]


@pytest.mark.parametrize("spec", SPECS)
def test_specification_survives_the_metadata(spec):
    assert metadata_to_spec(spec_to_metadata(spec)) == spec


def test_foreign_keys_are_left_alone():
    assert metadata_to_spec(spec_to_metadata(UINT8_SPEC) | {"author": "someone"}) == UINT8_SPEC


@pytest.mark.parametrize("key", sorted(set(spec_to_metadata(FLOAT_SPEC)) - {"faceposenet.confidence.name"}))
@pytest.mark.parametrize("value", [None, " "])
def test_missing_or_empty_key_is_named(key, value):
    keys = spec_to_metadata(FLOAT_SPEC)
    if value is None:
        del keys[key]
    else:
        keys[key] = value
    with pytest.raises(ModelMetadataError, match=f"key {key} is (missing|' ')"):
        metadata_to_spec(keys)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("schema", "2", "1"),
        ("input.layout", "nhwc", r"NHWC \| NCHW"),
        ("input.dtype", "float16", r"uint8 \| float32"),
        ("input.channels", "GRAY", r"BGR \| RGB"),
        ("input.size_px", "0", "whole number"),
        ("input.size_px", "112.5", "whole number"),
        ("input.scale", "1/255", "1 finite numbers"),
        ("input.mean", "1, 2", "3 finite numbers"),
        ("input.mean", "1, 2, nan", "3 finite numbers"),
        ("input.std", "1, 0, 1", "not 0"),
        ("crop.expand", "0.1, 0.2", "1 or 4 finite numbers"),
        ("crop.expand", "-0.1", "at least 0"),
        ("crop.interpolation", "nearest", r"cubic \| area \| linear"),
        ("rotation.form", "euler", r"matrix \| rvec"),
        ("translation.form", "pixels", "tvec_mm"),
        ("camera.focal_px", "2880", "2 finite numbers"),
        ("camera.size_px", "-1", "whole number"),
        ("crop.expnad", "0.25", "no such key"),
    ],
)
def test_wrong_value_is_named_with_what_is_allowed_and_what_to_do(key, value, expected):
    keys = spec_to_metadata(FLOAT_SPEC) | {"faceposenet." + key: value}
    with pytest.raises(
        ModelMetadataError, match=rf"faceposenet\.{key} .*expected: .*{expected}.*write_metadata"
    ):
        metadata_to_spec(keys)


def test_impossible_camera_is_refused():
    keys = spec_to_metadata(UINT8_SPEC) | {"faceposenet.camera.focal_px": "0, 0"}
    with pytest.raises(ModelMetadataError, match="describe no camera"):
        metadata_to_spec(keys)


def test_normalisation_of_a_uint8_input_is_refused():
    keys = spec_to_metadata(UINT8_SPEC) | {"faceposenet.input.scale": "1"}
    with pytest.raises(ModelMetadataError, match=r"input\.scale .*for this dtype"):
        metadata_to_spec(keys)


def test_written_file_says_the_new_and_computes_the_same(tiny_network, tmp_path):
    source, destination = tiny_network(metadata={"format": "old"}), tmp_path / "renamed.onnx"
    write_metadata(source, destination, replace(UINT8_SPEC, name="renamed"))
    assert PoseNetwork(destination).spec.name == "renamed"
    written = onnx.load(str(destination))
    assert "format" not in {entry.key for entry in written.metadata_props}
    assert written.graph == onnx.load(str(source)).graph


@pytest.mark.parametrize("key", spec_to_metadata(FLOAT_SPEC))
def test_every_key_stands_in_the_docstring(key):
    assert f"    {key} " in metadata_module.__doc__
