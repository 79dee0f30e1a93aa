"""The released networks of 2018 in TensorFlow, full size, random weights, against their conversions."""

import numpy as np
import pytest

from fpn_core import PoseNetwork, head_rotation_to_aflw
from fpn_core.convert import convert_release, fpn_2018
from tests.fpn_core.convert.releases import (
    CHECKPOINTS_2018,
    random_weights_2018,
    write_statistics_2018,
)

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]
BLOCKS = [
    *("2a", "2b", "2c"),
    *("3a", "3b1", "3b2", "3b3"),
    *("4a", *(f"4b{i}" for i in range(1, 23))),
    *("5a", "5b", "5c"),
]


def build(tf, body, norms, pose, image_mean):
    """The original's graph; returns its input and its normalised labels."""

    def constant(values, name):
        return tf.constant(values[name], tf.float32)

    def normalise(x, name, relu):
        scale, offset, mean, variance = (
            constant(norms, f"shapeCNN/{name}/{part}") for part in ("scale", "offset", "mean", "variance")
        )
        x = tf.nn.batch_normalization(x, mean, variance, offset, scale, variance_epsilon=1e-5)
        return tf.nn.relu(x) if relu else x

    def convolve(x, name, stride=1, relu=False):
        x = tf.nn.conv2d(
            x, constant(body, f"shapeCNN/res{name}/weights"), [1, stride, stride, 1], padding="SAME"
        )
        return normalise(x, f"bn{name}", relu)

    image = tf.placeholder(tf.float32, [None, 224, 224, 3])
    x = image - tf.constant(image_mean.transpose(1, 2, 0)[None], tf.float32)
    x = tf.nn.conv2d(x, constant(body, "shapeCNN/conv1/weights"), [1, 2, 2, 1], padding="SAME")
    x = tf.nn.max_pool(normalise(x, "bn_conv1", relu=True), [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
    for block in BLOCKS:
        first = block.endswith("a")
        stride = 2 if first and block != "2a" else 1
        shortcut = convolve(x, f"{block}_branch1", stride) if first else x
        x = convolve(x, f"{block}_branch2a", stride, relu=True)
        x = convolve(x, f"{block}_branch2b", relu=True)
        x = tf.nn.relu(shortcut + convolve(x, f"{block}_branch2c"))
    x = tf.reshape(tf.nn.avg_pool(x, [1, 7, 7, 1], [1, 1, 1, 1], "VALID"), [-1, 2048])
    for name in ("fc1", "fc2", "fc3"):
        x = tf.matmul(x, constant(pose, f"Pose/{name}/W")) + constant(pose, f"Pose/{name}/baises")
        x = tf.nn.relu(x) if name != "fc3" else x
    return image, x


def save_weights(tf, save, path, weights):
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [
            tf.get_variable(name, values.shape, initializer=tf.constant_initializer(values))
            for name, values in weights.items()
        ]
        session.run(tf.global_variables_initializer())
        save(session, path, variables)


@pytest.mark.parametrize("variant", ["6dof", "projmat"])
def test_conversion_agrees_with_tensorflow(variant, tf, save, tmp_path):
    weights = random_weights_2018(fpn_2018.Depths(), last_layer=1e-3)
    for name in {"norms", "6dof", variant}:
        save_weights(tf, save, tmp_path / CHECKPOINTS_2018[name], weights[name])
    image_mean, labels = write_statistics_2018(tmp_path)
    images = np.random.default_rng(1).integers(0, 256, (16, 224, 224, 3), np.uint8)
    with tf.Graph().as_default(), tf.Session() as session:
        image, label = build(tf, weights["6dof"], weights["norms"], weights[variant], image_mean)
        normalised = {n: session.run(label, {image: images[:n].astype(np.float32)}) for n in (1, 16)}

    assert 0.1 < np.abs(normalised[16]).max() < 5, "the labels are not such as a trained network tells"
    convert_release(f"fpn-2018-{variant}", tmp_path, tmp_path / "out.onnx")
    network = PoseNetwork(tmp_path / "out.onnx")
    kind, rows = ("300WLP", slice(0, 6)) if variant == "6dof" else ("ProjMat", slice(-12, -1))
    mean, std = labels[f"mean_{kind}"][rows], labels[f"std_{kind}"][rows]
    for n, values in normalised.items():
        expected = values * std + mean
        told = six_labels(network(images[:n]))
        wanted = expected if variant == "6dof" else np.stack([six_of_eleven(row) for row in expected])
        difference = np.abs(told - wanted)
        difference[:, 1:4] = np.abs((difference[:, 1:4] + np.pi) % (2 * np.pi) - np.pi)
        # Angles against a radian, scale and place against themselves.
        error = (difference / np.maximum(np.abs(wanted), [1e-9, 1, 1, 1, 1, 1])).max()
        print(f"{variant}, batch {n}: largest relative difference {error:.1e}")
        assert error < 1e-4


def six_labels(poses):
    """Scale, pitch, yaw, roll, x and y of 300W-LP from poses."""
    z = poses.tvec_mm[:, 2]
    x, y = (2880 * poses.tvec_mm[:, :2] / z[:, None] + 111.5).T
    return np.column_stack([2.88 / z, np.deg2rad(head_rotation_to_aflw(poses.rotation)), x + 1, 224 - y])


def six_of_eleven(label):
    """The same of the 3 x 4 matrix: mean length of the first rows, nearest rotation, last column."""
    matrix = np.append(label, 0).reshape(4, 3).T
    u, _, vt = np.linalg.svd(matrix[:, :3])
    flip = np.diag([1.0, -1.0, -1.0])
    rotation = flip @ u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt @ flip
    scale = np.linalg.norm(matrix[:2, :3], axis=1).mean()
    return np.concatenate([[scale], np.deg2rad(head_rotation_to_aflw(rotation[None])[0]), matrix[:2, 3]])
