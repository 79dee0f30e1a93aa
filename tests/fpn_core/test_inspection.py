"""Reports on model files, and metadata written into them key by key."""

import hashlib

import pytest

from fpn_core import (
    ModelFileError,
    ModelMetadataError,
    PoseNetwork,
    default_model_path,
    describe_model,
    inspect_model,
    spec_to_metadata,
)
from fpn_core.inspection import GraphValue

from .conftest import SIZE_PX, UINT8_SPEC


def test_report_of_a_network_that_runs(tiny_network):
    path = tiny_network()
    report = inspect_model(path)
    assert report.inputs == (GraphValue("image", "tensor(uint8)", ("n", SIZE_PX, SIZE_PX, 3)),)
    assert [value.name for value in report.outputs] == ["tvec", "rvec", "confidence"]
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report.size_bytes == path.stat().st_size
    assert (report.spec, report.problem) == (UINT8_SPEC, None)
    assert inspect_model(default_model_path()).problem is None


def test_report_of_a_network_without_metadata_says_what_is_missing(tiny_network):
    report = inspect_model(tiny_network(metadata=dict.fromkeys(spec_to_metadata(UINT8_SPEC))))
    assert report.spec is None and report.metadata == {}
    assert "faceposenet.schema is missing" in report.problem
    assert report.outputs, "the graph is told nonetheless"


def test_report_of_metadata_that_do_not_fit_the_graph_gives_both(tiny_network):
    report = inspect_model(tiny_network(metadata={"faceposenet.input.size_px": "9"}))
    assert report.spec.size_px == 9 and "size_px" in report.problem


def test_file_that_is_no_network_has_no_report(tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ModelFileError, match=r"text\.onnx"):
        inspect_model(tmp_path / "text.onnx")


def test_description_from_nothing_needs_every_key_and_then_runs(tiny_network, tmp_path):
    bare, described = tiny_network(metadata=dict.fromkeys(spec_to_metadata(UINT8_SPEC))), tmp_path / "d.onnx"
    keys = {key.removeprefix("faceposenet."): value for key, value in spec_to_metadata(UINT8_SPEC).items()}
    del keys["schema"]
    with pytest.raises(ModelMetadataError, match=r"licence is missing"):
        describe_model(bare, described, {k: v for k, v in keys.items() if k != "licence"})
    assert not described.exists()
    assert describe_model(bare, described, keys) == UINT8_SPEC
    assert PoseNetwork(described).spec == UINT8_SPEC


def test_description_changes_some_keys_and_an_empty_value_removes_one(tiny_network, tmp_path):
    source = tiny_network(metadata={"faceposenet.confidence.name": "confidence"})
    changes = {"name": "renamed", "faceposenet.licence": "MIT", "confidence.name": ""}
    spec = describe_model(source, source, changes)
    assert (spec.name, spec.licence, spec.confidence_output) == ("renamed", "MIT", None)
    assert PoseNetwork(source).spec == spec


def test_description_that_does_not_fit_the_graph_is_not_written(tiny_network, tmp_path):
    with pytest.raises(ModelMetadataError, match="layout"):
        describe_model(tiny_network(), tmp_path / "out.onnx", {"input.layout": "NCHW"})
    assert not (tmp_path / "out.onnx").exists()
