"""Metadata and specification are the same thing in two forms, and every wrong key is named."""

import sys
from dataclasses import replace

import onnx
import pytest

from fpn_core import (
    MissingPackageError,
    ModelFileError,
    ModelMetadataError,
    PoseNetwork,
    metadata_to_spec,
    spec_to_metadata,
    write_metadata,
)
from fpn_core import metadata as metadata_module

from .conftest import FLOAT_SPEC, UINT8_SPEC

SPECS = [
    UINT8_SPEC,
    FLOAT_SPEC,
    replace(UINT8_SPEC, crop_expand=(0.1, 0.2, 0.3, 0.0)),
    replace(UINT8_SPEC, rotation_form="matrix", layout="NCHW", crop_interpolation="cubic"),
    replace(UINT8_SPEC, rotation_columns=(3, 1, 2), translation_columns=(0, 4, 5), axes="y_up"),
    replace(UINT8_SPEC, rotation_form="euler_extrinsic_zxz_rad", rotation_direction="camera_to_head"),
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
        ("rotation.form", "euler_intrinsic_xxy_deg", "euler_intrinsic_AXES_UNIT"),
        ("rotation.columns", "0, 1, 1", "none twice"),
        ("rotation.columns", "0, -1, 2", "of at least 0"),
        ("rotation.direction", "backwards", r"head_to_camera \| camera_to_head"),
        ("axes", "z_up", r"y_down \| y_up"),
    ],
)
def test_wrong_value_is_named_with_what_is_allowed_and_what_to_do(key, value, expected):
    keys = spec_to_metadata(FLOAT_SPEC) | {"faceposenet." + key: value}
    with pytest.raises(
        ModelMetadataError, match=rf"faceposenet\.{key} .*expected: .*{expected}.*models describe"
    ):
        metadata_to_spec(keys)


def test_columns_that_do_not_make_the_form_are_counted():
    keys = spec_to_metadata(UINT8_SPEC) | {"faceposenet.translation.columns": "0, 1"}
    with pytest.raises(ModelMetadataError, match=r"translation\.columns names 2 numbers; .*tvec_mm has 3"):
        metadata_to_spec(keys)


@pytest.mark.parametrize("form", ["ypr_deg", "aflw_pyr_deg"])
@pytest.mark.parametrize(("key", "value"), [("axes", "y_up"), ("rotation.direction", "camera_to_head")])
def test_form_with_axes_of_its_own_takes_no_others(form, key, value):
    keys = spec_to_metadata(replace(UINT8_SPEC, rotation_form=form)) | {"faceposenet." + key: value}
    with pytest.raises(ModelMetadataError, match="has its own axes"):
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


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08" * 500])
def test_file_that_is_no_network_gets_no_metadata(content, tmp_path):
    (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"other\.onnx"):
        write_metadata(tmp_path / "other.onnx", tmp_path / "new.onnx", UINT8_SPEC)
    assert not (tmp_path / "new.onnx").exists()


def test_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'faceposenet\[convert\]'"):
        write_metadata(tmp_path / "a.onnx", tmp_path / "b.onnx", UINT8_SPEC)


@pytest.mark.parametrize("key", set().union(*(spec_to_metadata(spec) for spec in SPECS)))
def test_every_key_stands_in_the_docstring(key):
    assert f"    {key} " in metadata_module.__doc__
