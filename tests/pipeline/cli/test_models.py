"""The commands on pose networks, as typed."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fpn_core import (
    CheckpointError,
    ModelMetadataError,
    default_model_path,
    inspect_model,
    ypr_deg_to_matrix,
)
from fpn_core.convert import fpn_2017
from pipeline.cli.evaluate import evaluate_command
from pipeline.cli.models import models
from pipeline.evaluate import DatasetError
from tests.fpn_core.convert.releases import write_release_2017
from tests.fpn_core.convert.tf_writer import write_version_2
from tests.pipeline.evaluate.faces import BOX, landmarks, write_photo


def invoke(*arguments):
    return CliRunner().invoke(models, [str(argument) for argument in arguments])


@pytest.fixture
def undescribed(tmp_path):
    import onnx  # noqa: PLC0415

    model = onnx.load(str(default_model_path()))
    del model.metadata_props[:]
    path = tmp_path / "undescribed.onnx"
    onnx.save(model, str(path))
    return path


def test_inspect_shows_the_included_network():
    result = invoke("inspect")
    assert result.exit_code == 0
    assert "input   image: tensor(uint8)" in result.output
    assert "faceposenet.rotation.form = matrix" in result.output
    assert inspect_model(default_model_path()).sha256 in result.output
    assert "it will run" in result.output


def test_inspect_of_a_file_that_does_not_describe_itself_fails_with_the_reason(undescribed):
    result = invoke("inspect", undescribed)
    assert result.exit_code == 1
    assert "output  rotation: tensor(float)" in result.output
    assert "error: the model's metadata key faceposenet.schema is missing" in result.output


def test_describe_writes_a_file_that_runs(tmp_path):
    out = tmp_path / "mine.onnx"
    result = invoke(
        "describe", default_model_path(), out, "--set", "name=mine", "--set", "crop.interpolation=linear"
    )
    assert result.exit_code == 0 and "mine, rotations as matrix" in result.output
    spec = inspect_model(out).spec
    assert (spec.name, spec.crop_interpolation) == ("mine", "linear")


def test_describe_refuses_what_does_not_fit(undescribed, tmp_path):
    result = invoke("describe", undescribed, tmp_path / "out.onnx", "--set", "name=mine")
    assert isinstance(result.exception, ModelMetadataError)
    result = invoke("describe", undescribed, tmp_path / "out.onnx", "--set", "name")
    assert result.exit_code == 2 and "is not KEY=VALUE" in result.output
    assert not (tmp_path / "out.onnx").exists()


def test_convert_writes_a_network_that_runs(tmp_path, monkeypatch):
    small = fpn_2017.Widths((4, 8, 8, 8, 6), 10)
    monkeypatch.setattr(fpn_2017, "Widths", lambda: small)
    write_release_2017(tmp_path, write_version_2, small)
    out = tmp_path / "fpn-2017.onnx"
    result = invoke("convert", "fpn-2017", tmp_path, out)
    assert result.exit_code == 0 and "under the terms of its authors" in result.output
    assert inspect_model(out).problem is None


def test_convert_of_an_empty_folder_says_what_is_missing(tmp_path):
    result = invoke("convert", "fpn-2018-6dof", tmp_path, tmp_path / "out.onnx")
    assert isinstance(result.exception, CheckpointError)
    assert invoke("convert", "fpn-2016", tmp_path, tmp_path / "out.onnx").exit_code == 2


def test_reduce_writes_smaller_networks_that_run(labelled, tmp_path):
    label = json.loads((labelled / "labels.json").read_text())
    (labelled / "labels.json").write_text(json.dumps(20 * label))
    half, small = tmp_path / "half.onnx", tmp_path / "small.onnx"
    assert invoke("reduce", default_model_path(), half, "--to", "fp16").exit_code == 0
    result = invoke("reduce", default_model_path(), small, "--to", "int8", "--calibrate", labelled)
    assert result.exit_code == 0 and "2.0 MB instead of 7.5" in result.output
    assert inspect_model(half).problem is None and inspect_model(small).problem is None


def test_reduce_to_int8_needs_faces(tmp_path):
    result = invoke("reduce", default_model_path(), tmp_path / "small.onnx", "--to", "int8")
    assert result.exit_code == 2 and "--calibrate" in result.output


def evaluate(*arguments):
    return CliRunner().invoke(evaluate_command, [str(argument) for argument in arguments])


@pytest.fixture
def labelled(tmp_path):
    rotation = ypr_deg_to_matrix(np.array([[10.0, 0, 0]]))[0]
    write_photo(tmp_path / "faces/a.png")
    label = {"file": "a.png", "box": BOX.tolist(), "landmarks": landmarks(rotation).tolist()}
    (tmp_path / "faces/labels.json").write_text(json.dumps([label]))
    return tmp_path / "faces"


def test_evaluate_prints_a_table_and_draws(labelled, tmp_path):
    result = evaluate(labelled, "--device", "cpu", "--plot", tmp_path / "errors.png")
    assert result.exit_code == 0 and "fpn-open" in result.output and "|yaw|" in result.output
    assert cv2.imread(str(tmp_path / "errors.png")) is not None


def test_evaluate_prints_json(labelled):
    result = evaluate(labelled, "--json", "--average-mirrored")
    assert json.loads(result.output)["network"].endswith("averaged with its mirror image")
    assert json.loads(result.output)["all"]["faces"] == 1


def test_evaluate_averages_under_stress_too(labelled):
    labels = labelled / "labels.json"
    (label,) = json.loads(labels.read_text())
    labels.write_text(json.dumps([label | {"pitch_deg": 0.0, "yaw_deg": 10.0, "roll_deg": 0.0}]))
    alone, averaged = (
        json.loads(evaluate(labelled, "--device", "cpu", "--stress", "--json", *options).output)
        for options in ((), ("--average-mirrored",))
    )
    for found in (alone, averaged):
        # The face as it is stands in both parts of the report.
        assert found["stress"]["plain_deg"] == pytest.approx(found["all"]["geodesic_deg"], abs=1e-4)
    assert alone["stress"]["jitter_deg"] != averaged["stress"]["jitter_deg"]


def test_evaluate_refuses_what_it_does_not_know(labelled, tmp_path):
    assert isinstance(evaluate(tmp_path).exception, DatasetError)
    result = evaluate(labelled, "--plot", tmp_path / "errors.txt")
    assert result.exit_code == 2 and "no suffix of a picture" in result.output
