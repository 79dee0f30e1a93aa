"""The network as a whole: what comes out for what goes in, and every way in which a file can be wrong."""

import csv
import hashlib
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fpn_core import (
    ModelError,
    ModelFileError,
    ModelInputError,
    ModelMetadataError,
    ModelOutputError,
    PoseNetwork,
    aflw_to_head_rotation,
    crop_windows,
    default_model_path,
    extract_crop,
    geodesic_deg,
    head_rotation_to_aflw,
    mirror_pose,
    rvec_to_matrix,
)
from fpn_core.network import crops_to_input

from .conftest import FLOAT_SPEC, SIZE_PX, UINT8_SPEC


def crops_of_colours(*bgr):
    return np.broadcast_to(np.array(bgr, np.uint8)[:, None, None], (len(bgr), SIZE_PX, SIZE_PX, 3)).copy()


def test_uint8_network_gets_bgr_pixels_as_they_are(tiny_network):
    poses = PoseNetwork(tiny_network())(crops_of_colours([1, 2, 3], [0, 0, 1]))
    np.testing.assert_allclose(poses.tvec_mm, [[1, 2, 3], [0, 0, 1]])
    np.testing.assert_allclose(poses.rotation, rvec_to_matrix(np.array([[1.0, 2, 3], [0, 0, 1]])), atol=1e-6)
    assert poses.confidence is None and poses.finite.all()


def test_float_network_gets_rgb_normalised_channels_first_and_gives_confidence(tiny_network):
    poses = PoseNetwork(tiny_network(FLOAT_SPEC))(crops_of_colours([51, 102, 255]))
    # Red 255, green 102, blue 51: (1 - 0.1) / 0.5, (0.4 - 0.2) / 0.25, (0.2 - 0.3) / 2.
    np.testing.assert_allclose(poses.tvec_mm, [[1.8, 0.8, -0.05]], atol=1e-6)
    np.testing.assert_allclose(poses.confidence, [2.55], atol=1e-6)
    assert not poses.in_front[0]


@pytest.mark.parametrize("spec", [UINT8_SPEC, FLOAT_SPEC])
def test_batches_change_nothing_and_no_crops_give_no_poses(spec, tiny_network):
    network = PoseNetwork(tiny_network(spec))
    crops = np.random.default_rng(0).integers(0, 9, (7, SIZE_PX, SIZE_PX, 3), np.uint8)
    whole, parts, none = network(crops), network(crops, batch_size=3), network(crops[:0])
    np.testing.assert_allclose(parts.rotation, whole.rotation, atol=1e-6)
    np.testing.assert_allclose(parts.tvec_mm, whole.tvec_mm, atol=1e-6)
    assert len(whole) == len(parts) == 7 and len(none) == 0
    assert (none.confidence is None) == (spec.confidence_output is None)


def test_a_crop_without_a_pose_is_a_row_that_is_not_finite(tiny_network):
    poses = PoseNetwork(tiny_network(log_of_input=True))(crops_of_colours([1, 1, 1], [0, 0, 0], [2, 2, 2]))
    assert poses.finite.tolist() == [True, False, True]


def test_digest_is_that_of_the_file(tiny_network):
    path = tiny_network()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert PoseNetwork(path).sha256 == digest
    assert PoseNetwork(path, expected_sha256=f" {digest.upper()}\n").sha256 == digest


def test_file_with_another_digest_is_refused_before_it_is_used(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"no network")
    with pytest.raises(ModelFileError, match=rf"has the SHA-256 .*; expected {'0' * 64}"):
        PoseNetwork(tmp_path / "other.onnx", expected_sha256="0" * 64)


def test_input_layouts():
    crops = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(crops_to_input(crops, UINT8_SPEC), crops)
    as_rgb = crops_to_input(crops, replace(UINT8_SPEC, channels="RGB", layout="NCHW"))
    np.testing.assert_array_equal(as_rgb[1, 0], crops[1, :, :, 2])


@pytest.mark.parametrize(
    "crops",
    [np.zeros((1, 9, 9, 3), np.uint8), np.zeros((1, 3, 8, 8), np.uint8), np.zeros((1, 8, 8, 1), np.uint8)],
)
def test_crops_of_another_shape_are_refused(crops, tiny_network):
    with pytest.raises(ModelInputError, match=r"uint8 \(n, 8, 8, 3\)"):
        PoseNetwork(tiny_network())(crops)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.onnx: No such file"):
        PoseNetwork(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08" * 500])
def test_file_that_is_no_network_is_named(content, tmp_path):
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"other\.onnx"):
        PoseNetwork(path)


def test_foreign_operators_are_refused(tiny_network):
    with pytest.raises(ModelFileError, match="custom-op"):
        PoseNetwork(tiny_network(domain="com.example"))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"faceposenet.schema": None}, "schema is missing"),
        ({"faceposenet.input.name": "photo"}, "input.name"),
        ({"faceposenet.rotation.name": "matrix"}, "rotation.name"),
        ({"faceposenet.confidence.name": "sureness"}, "confidence.name"),
        ({"faceposenet.input.size_px": "9"}, "size_px"),
        ({"faceposenet.input.layout": "NCHW"}, "layout"),
    ],
)
def test_metadata_that_do_not_fit_the_graph_are_refused(metadata, message, tiny_network):
    with pytest.raises(ModelMetadataError, match=message):
        PoseNetwork(tiny_network(metadata=metadata))


def test_dtype_that_does_not_fit_the_graph_is_refused(tiny_network):
    keys = {"faceposenet.input.dtype": "float32", "faceposenet.input.scale": "1"}
    keys |= {"faceposenet.input.mean": "0,0,0", "faceposenet.input.std": "1,1,1"}
    with pytest.raises(ModelMetadataError, match=r"dtype"):
        PoseNetwork(tiny_network(metadata=keys))


def test_fixed_batch_size_is_refused(tiny_network):
    with pytest.raises(ModelMetadataError, match="dynamic first dimension"):
        PoseNetwork(tiny_network(rows=1))


def test_output_in_another_form_than_promised_is_refused(tiny_network):
    network = PoseNetwork(tiny_network(metadata={"faceposenet.rotation.form": "matrix"}))
    with pytest.raises(ModelOutputError, match=r"shape \(1, 3\); by its metadata it must be \(1, 3, 3\)"):
        network(crops_of_colours([1, 1, 1]))


def test_one_output_may_hold_the_whole_pose_in_columns(tiny_network):
    spec = replace(
        UINT8_SPEC,
        rotation_output="tvec",
        rotation_columns=(2, 0, 1),
        translation_form="weak_perspective",
        translation_columns=(1, 0, 2),
    )
    poses = PoseNetwork(tiny_network(spec))(crops_of_colours([1, 2, 3], [4, 5, 6]))
    rotation = rvec_to_matrix(np.array([[3.0, 1, 2], [6, 4, 5]]))
    np.testing.assert_allclose(poses.rotation, rotation, atol=1e-6)
    # Two pixels a mm, seen at (1, 3): at 2880 / 2 mm.
    np.testing.assert_allclose(poses.tvec_mm[0], [(1 - 112) / 2, (3 - 112) / 2, 1440])


def test_columns_that_an_output_lacks_are_refused(tiny_network):
    network = PoseNetwork(tiny_network(replace(UINT8_SPEC, rotation_columns=(1, 2, 3))))
    with pytest.raises(ModelOutputError, match=r"shape \(1, 3\); its metadata take the numbers \(1, 2, 3\)"):
        network(crops_of_colours([1, 1, 1]))


def test_pose_in_axes_with_y_up_is_turned_and_the_way_back_reversed(tiny_network):
    spec = replace(UINT8_SPEC, axes="y_up", rotation_direction="camera_to_head")
    poses = PoseNetwork(tiny_network(spec))(crops_of_colours([0, 1, 3]))
    np.testing.assert_allclose(poses.tvec_mm, [[0, -1, -3]])
    # The inverse turns by -r; F turns it into the axes with y down.
    np.testing.assert_allclose(poses.rotation, rvec_to_matrix(np.array([[0.0, 1, 3]])), atol=1e-6)


def test_network_that_fails_while_running_is_one_of_our_errors(tiny_network):
    network = PoseNetwork(tiny_network(rotation_shape=(2, 2)))
    with pytest.raises(ModelError, match="failed on a batch of 1"):
        network(crops_of_colours([1, 1, 1]))


def test_default_network_gives_proper_poses_for_any_crop():
    network = PoseNetwork()
    crops = np.random.default_rng(0).integers(
        0, 255, (3, network.spec.size_px, network.spec.size_px, 3), np.uint8
    )
    poses = network(crops)
    assert poses.finite.all()
    np.testing.assert_allclose(np.linalg.det(poses.rotation), 1, atol=1e-12)
    assert network.spec.name == default_model_path().stem


def crops_for(network, images, boxes):
    windows = crop_windows(np.array(boxes, float), network.spec.crop_expand)
    spec = network.spec
    return np.stack(
        [
            extract_crop(image, window, spec.size_px, spec.crop_interpolation)
            for image, window in zip(images, windows, strict=True)
        ]
    )


def test_default_network_on_labelled_photos(reference):
    """Holds the numbers on the card, and with them the convention of the data set's angles."""
    labels = json.loads(reference.path("eval/aflw2000/labels.json").read_text())
    network = PoseNetwork()
    images = [cv2.imread(str(reference.path("eval/aflw2000/" + label["file"]))) for label in labels]
    poses = network(crops_for(network, images, [label["box"] for label in labels]))
    truth = np.array([[label["pitch_deg"], label["yaw_deg"], label["roll_deg"]] for label in labels])
    errors = np.abs(head_rotation_to_aflw(poses.rotation) - truth)
    np.testing.assert_allclose(errors.mean(axis=0), [5.19, 3.17, 1.83], atol=0.1)
    # Turned to our frame the other way round, the same angles must not fit.
    assert geodesic_deg(poses.rotation, aflw_to_head_rotation(*truth.T)).mean() < 12
    assert geodesic_deg(poses.rotation, aflw_to_head_rotation(*(-truth).T)).mean() > 40


def test_default_network_agrees_with_the_original_on_its_sample_photos(reference):
    recovered = json.loads(reference.path("goldens/recovered_poses.json").read_text())["subjects"]
    with reference.path("reference/input.csv").open() as file:
        rows = list(csv.DictReader(file))
    boxes = [[float(row["FACE_" + key]) for key in ("X", "Y", "WIDTH", "HEIGHT")] for row in rows]
    images = [cv2.imread(str(reference.path("reference/" + row["FILE"]))) for row in rows]
    network = PoseNetwork()
    poses = network(crops_for(network, images, boxes))

    originals = [recovered[row["ID"].removeprefix("subject").removesuffix("_a")] for row in rows]
    rotation = rvec_to_matrix(np.array([original["rvec"] for original in originals]))
    mirrored = mirror_pose(rotation, np.array([original["tvec"] for original in originals]))[0]
    flipped = np.array([original["flipped"] for original in originals])
    rotation = np.where(flipped[:, None, None], mirrored, rotation)
    # Measured: 7.91 degrees on average, 2.4 to 12.9 (its predecessor 8.18, 4.1 to 13.5): the original is no
    # truth.
    difference_deg = geodesic_deg(poses.rotation, rotation)
    assert difference_deg.mean() < 8.2 and difference_deg.max() < 13.2


def test_bound_inputs_and_outputs_give_what_a_plain_run_gives():
    """As on a GPU, but bound to the CPU: a machine with a GPU is not needed to see that the names fit."""
    network = PoseNetwork(device="cpu")
    crops = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)
    plain = network(crops, batch_size=2)
    network._bound_device = "cpu"
    bound = network(crops, batch_size=2)
    np.testing.assert_array_equal(bound.rotation, plain.rotation)
    np.testing.assert_array_equal(bound.tvec_mm, plain.tvec_mm)
