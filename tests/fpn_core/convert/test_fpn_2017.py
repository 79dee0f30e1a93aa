"""The network of 2017 from small checkpoints with its layers, against those layers in NumPy."""

import numpy as np
import pytest

from fpn_core import CheckpointError, PoseNetwork, rvec_to_matrix
from fpn_core.convert import convert_release, fpn_2017

from .layers import convolve, local_response, max_pool, relu
from .releases import IMAGE_MEAN, LABEL_MEAN, LABEL_STD, write_release_2017
from .tf_writer import WRITERS, write_version_2

SMALL = fpn_2017.Widths((4, 8, 8, 8, 6), 10)
SCOPE = "Spatial_Transformer/ST2/"


def alexnet(images, weights):
    """The original's graph on uint8 images, labels in their units."""

    def of(layer):
        return weights[f"{SCOPE}{layer}/W"], weights[f"{SCOPE}{layer}/baises"]

    x = images / 255.0 - IMAGE_MEAN
    x = local_response(max_pool(relu(convolve(x, *of("conv1"), stride=4)), 3, 2))
    x = local_response(max_pool(relu(convolve(x, *of("conv2"), groups=2)), 3, 2))
    x = relu(convolve(x, *of("conv3")))
    x = relu(convolve(x, *of("conv4"), groups=2))
    x = max_pool(relu(convolve(x, *of("conv5"), groups=2)), 3, 2).reshape(len(images), -1)
    for layer in ("fc6", "fc7", "fc8"):
        x = x @ of(layer)[0] + of(layer)[1]
        x = relu(x) if layer != "fc8" else x
    return x * (LABEL_STD + 1e-18) + LABEL_MEAN


@pytest.fixture
def convert_small(tmp_path, monkeypatch):
    """The command's way, for a network of fewer channels."""
    monkeypatch.setattr(fpn_2017, "Widths", lambda: SMALL)

    def convert(**options):
        convert_release("fpn-2017", tmp_path, tmp_path / "out.onnx", **options)
        return tmp_path / "out.onnx"

    return convert


@pytest.mark.parametrize("version", WRITERS)
def test_converted_network_is_the_original_graph(version, tmp_path, convert_small):
    weights = write_release_2017(tmp_path, WRITERS[version], SMALL)
    network = PoseNetwork(convert_small())
    images = np.random.default_rng(5).integers(0, 256, (3, 227, 227, 3), np.uint8)
    expected, poses = alexnet(images, weights), network(images)
    np.testing.assert_allclose(poses.rotation, rvec_to_matrix(expected[:, :3]), atol=1e-5)
    np.testing.assert_allclose(poses.tvec_mm, expected[:, 3:], rtol=1e-5, atol=1e-3)
    assert np.ptp(poses.tvec_mm[:, 0]) > 0.1, "the test would not see a network that ignores its input"


def test_network_says_what_it_eats_and_whose_it_is(tmp_path, convert_small):
    write_release_2017(tmp_path, write_version_2, SMALL)
    spec = PoseNetwork(convert_small()).spec
    assert (spec.name, spec.size_px, spec.crop_expand) == ("fpn-2017", 227, 0.25)
    assert (spec.crop_interpolation, spec.camera.name) == ("cubic", "fpn-227")
    assert "terms of its authors" in spec.licence


def test_shapes_of_the_released_network():
    shapes = fpn_2017.variable_shapes(fpn_2017.Widths())
    assert len(shapes) == 16
    assert shapes[SCOPE + "conv2/W"] == (5, 5, 48, 256) and shapes[SCOPE + "fc6/W"] == (9216, 4096)
    assert sum(np.prod(shape) for shape in shapes.values()) == 56_892_806


def test_variables_of_the_training_and_of_other_scopes_are_left_alone(tmp_path, convert_small):
    extra = {
        SCOPE + "conv1/W/Adam": np.zeros(3, np.float32),
        "global_step": np.array(1, np.int32),
        "costs/beta1_power": np.array(0.9, np.float32),
    }
    write_release_2017(tmp_path, write_version_2, SMALL, extra)
    assert convert_small().exists()


def changed(weights, key, value):
    changed = {name: array for name, array in weights.items() if name != SCOPE + key}
    return changed if value is None else changed | {SCOPE + key: value}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fc7/W", None, r"lacks 1 of 16 variables: Spatial_Transformer/ST2/fc7/W"),
        ("fc9/W", np.zeros((6, 6), np.float32), r"1 variables that this network does not have: .*fc9/W"),
        ("conv3/W", np.zeros((3, 3, 9, 8), np.float32), r"conv3/W .*shape \(3, 3, 9, 8\); .*\(3, 3, 8, 8\)"),
        ("fc8/baises", np.full(6, np.nan, np.float32), r"fc8/baises .*NaN"),
        ("fc8/baises", np.zeros(6, np.int32), r"fc8/baises is of TensorFlow's type 3"),
    ],
)
def test_checkpoint_of_another_network_is_refused(key, value, message, tmp_path, convert_small):
    weights = write_release_2017(tmp_path, write_version_2, SMALL)
    write_version_2(tmp_path / "model_0_1.ckpt", changed(weights, key, value))
    with pytest.raises(CheckpointError, match=message):
        convert_small()
    assert not (tmp_path / "out.onnx").exists()


def test_one_of_several_checkpoints_has_to_be_chosen(tmp_path, convert_small):
    write_release_2017(tmp_path, write_version_2, SMALL)
    for path in list(tmp_path.glob("model_0_1.ckpt.*")):
        (tmp_path / path.name.replace("0_1.ckpt", "0_2.ckpt-7")).write_bytes(path.read_bytes())
    with pytest.raises(CheckpointError, match=r"2 files of the kind .*model_0_1\.ckpt, model_0_2\.ckpt-7"):
        convert_small()
    assert convert_small(checkpoint="model_0_2.ckpt-7").exists()


def test_missing_files_and_folders_are_named(tmp_path, convert_small):
    with pytest.raises(CheckpointError, match=r"no model_\*\.ckpt; it has no files"):
        convert_small()
    write_release_2017(tmp_path, write_version_2, SMALL)
    (tmp_path / "perturb_Oxford_train_imgs_mean.npz").unlink()
    with pytest.raises(CheckpointError, match=r"no perturb_Oxford_train_imgs_mean\.npz"):
        convert_small()
    with pytest.raises(CheckpointError, match="there is no folder"):
        convert_release("fpn-2017", tmp_path / "none", tmp_path / "out.onnx")


@pytest.mark.parametrize("arrays", [{"mean": IMAGE_MEAN}, {"train_mean_vec": np.zeros(4)}])
def test_statistics_of_another_kind_are_refused(arrays, tmp_path, convert_small):
    write_release_2017(tmp_path, write_version_2, SMALL)
    np.savez(tmp_path / "perturb_Oxford_train_imgs_mean.npz", **arrays)
    with pytest.raises(CheckpointError, match="expected 3 numbers called train_mean_vec"):
        convert_small()


def test_pickled_statistics_need_the_flag(tmp_path, convert_small):
    write_release_2017(tmp_path, write_version_2, SMALL)
    mean = np.array(list(IMAGE_MEAN), object)
    np.savez(tmp_path / "perturb_Oxford_train_imgs_mean.npz", train_mean_vec=mean)
    with pytest.raises(CheckpointError, match="--allow-pickle"):
        convert_small()
    assert convert_small(allow_pickle=True).exists()
