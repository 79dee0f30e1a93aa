"""The network of 2017 in TensorFlow, at its full size with random weights, against its conversion."""

import numpy as np
import pytest

from fpn_core import PoseNetwork
from fpn_core.convert import convert_release, fpn_2017
from fpn_core.convert.checkpoint import read_checkpoint
from tests.fpn_core.convert.releases import (
    IMAGE_MEAN,
    LABEL_MEAN,
    LABEL_STD,
    random_weights,
    write_statistics_2017,
)

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]


def build(tf, weights):
    """The original's graph; returns its input, its six labels, and its variables by name."""
    variables = {}

    def variable(name):
        value = weights[f"{fpn_2017.SCOPE}{name}"]
        with tf.variable_scope(fpn_2017.SCOPE.rstrip("/")):
            variables[name] = tf.get_variable(name, value.shape, initializer=tf.constant_initializer(value))
        return variables[name]

    def convolve(x, name, stride=1, groups=1):
        kernels = tf.split(variable(f"{name}/W"), groups, 3)
        parts = [
            tf.nn.conv2d(part, kernel, [1, stride, stride, 1], "SAME")
            for part, kernel in zip(tf.split(x, groups, 3), kernels, strict=True)
        ]
        return tf.nn.relu(tf.nn.bias_add(tf.concat(parts, 3), variable(f"{name}/baises")))

    def pool(x):
        return tf.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "VALID")

    def lrn(x):
        return tf.nn.local_response_normalization(x, depth_radius=2, alpha=2e-5, beta=0.75, bias=1.0)

    image = tf.placeholder(tf.float32, [None, 227, 227, 3])
    x = lrn(pool(convolve(image, "conv1", 4)))
    x = lrn(pool(convolve(x, "conv2", groups=2)))
    x = convolve(convolve(x, "conv3"), "conv4", groups=2)
    x = tf.reshape(pool(convolve(x, "conv5", groups=2)), [-1, 6 * 6 * 256])
    for name in ("fc6", "fc7"):
        x = tf.nn.relu_layer(x, variable(f"{name}/W"), variable(f"{name}/baises"))
    x = tf.nn.xw_plus_b(x, variable("fc8/W"), variable("fc8/baises"))
    return image, x * (LABEL_STD + 1e-18) + LABEL_MEAN, list(variables.values())


def test_conversion_agrees_with_tensorflow(tf, save, tmp_path):
    weights = random_weights(fpn_2017.variable_shapes(fpn_2017.Widths()), np.random.default_rng(0))
    write_statistics_2017(tmp_path)
    images = np.random.default_rng(1).integers(0, 256, (16, 227, 227, 3), np.uint8)
    normalised = (images / 255.0 - IMAGE_MEAN).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        image, labels, variables = build(tf, weights)
        session.run(tf.global_variables_initializer())
        save(session, tmp_path / "model_0_1.ckpt", variables)
        expected = {n: session.run(labels, {image: normalised[:n]}) for n in (1, 16)}

    found = read_checkpoint(tmp_path / "model_0_1.ckpt")
    assert found.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(found[name].read(), array)
    convert_release("fpn-2017", tmp_path, tmp_path / "out.onnx")
    network = PoseNetwork(tmp_path / "out.onnx")
    for n, labels in expected.items():
        poses = network(images[:n])
        told = np.concatenate([poses.rvec_rad, poses.tvec_mm], axis=1)
        error = np.abs(told - labels).max(axis=0) / np.ptp(expected[16], axis=0)
        print(f"batch {n}: largest difference {error.max():.1e} of the labels' range over 16 images")
        assert error.max() < 1e-4
