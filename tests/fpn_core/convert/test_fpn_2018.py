"""The networks of 2018 from small checkpoints, against their layers and their decoding in NumPy."""

import numpy as np
import pytest

from fpn_core import (
    CheckpointError,
    PoseNetwork,
    crop_windows,
    geodesic_deg,
    nearest_rotation,
    project,
    projection_to_image,
)
from fpn_core.convert import convert_release, fpn_2018

from .layers import convolve, max_pool, padded_same, relu
from .releases import CHECKPOINTS_2018, write_release_2018
from .tf_writer import write_version_1, write_version_2

SMALL = fpn_2018.Depths(4, (2, 2, 3, 2), (2, 3, 4, 5), (12, 10))
WHOLE_CROP = np.array([[0, 0, 224, 224]])
# Points of a head in the frame of this project, mm.
HEAD_MM = np.array(
    [[0, 0, 0], [0, -3, -55], [0, 62, -35], [-45, -33, -12], [45, -33, -12], [-70, 0, 30]], float
)


def resnet(images, weights, image_mean, labels):
    """The original's graph on uint8 images; labels in their own units, from statistics (mean, std)."""
    body, norms = weights["6dof"], weights["norms"]

    def convolution(x, name, stride=1):
        x = convolve(x, body[f"shapeCNN/res{name}/weights"], stride=stride)
        return normalised(x, f"shapeCNN/bn{name}")

    def normalised(x, name):
        scale, offset, mean, variance = (
            norms[f"{name}/{k}"] for k in ("scale", "offset", "mean", "variance")
        )
        return scale * (x - mean) / np.sqrt(variance + 1e-5) + offset

    x = images - image_mean.transpose(1, 2, 0)
    x = convolve(x, body["shapeCNN/conv1/weights"], stride=2)
    x = relu(normalised(x, "shapeCNN/bn_conv1"))
    x = max_pool(padded_same(x, 3, 2, -np.inf), 3, 2)
    for block in ("2a", "2b", "3a", "3b1", "4a", "4b1", "4b2", "5a", "5b"):
        stride = 2 if block in {"3a", "4a", "5a"} else 1
        shortcut = convolution(x, f"{block}_branch1", stride) if block.endswith("a") else x
        x = relu(convolution(x, f"{block}_branch2a", stride))
        x = relu(convolution(x, f"{block}_branch2b"))
        x = relu(shortcut + convolution(x, f"{block}_branch2c"))
    x = x.mean(axis=(1, 2))
    pose, (mean, std) = labels
    for layer in ("fc1", "fc2", "fc3"):
        x = x @ pose[f"Pose/{layer}/W"] + pose[f"Pose/{layer}/baises"]
        x = relu(x) if layer != "fc3" else x
    return x * std + mean


def matrix_of_six(label):
    """3 x 4, as the original makes it from its six numbers."""
    scale, pitch, yaw, roll, x, y = label

    def turn(angle, i, j):
        matrix = np.eye(3)
        matrix[i, i] = matrix[j, j] = np.cos(angle)
        matrix[i, j], matrix[j, i] = np.sin(angle), -np.sin(angle)
        return matrix

    rotation = turn(pitch, 1, 2) @ turn(yaw, 2, 0) @ turn(roll, 0, 1)
    return np.column_stack([scale * rotation, [x, y, 0]])


def pixels(matrix, points_mm):
    """As the original draws its head (units of 1/1000 mm, y up): pixels from 1, y from the lower edge."""
    points = np.column_stack([1000 * points_mm * [1, -1, -1], np.ones(len(points_mm))])
    x, y, _ = matrix @ points.T
    return np.column_stack([x - 1, 224 + 1 - y - 1])


@pytest.fixture(params=["6dof", "projmat"])
def variant(request):
    return request.param


@pytest.fixture
def release(tmp_path, monkeypatch):
    monkeypatch.setattr(fpn_2018, "Depths", lambda: SMALL)
    return tmp_path, *write_release_2018(tmp_path, write_version_2, SMALL)


def labels_of(variant, weights, labels):
    kind, rows = {"6dof": ("300WLP", slice(0, 6)), "projmat": ("ProjMat", slice(-12, -1))}[variant]
    return weights[variant], (labels[f"mean_{kind}"][rows], labels[f"std_{kind}"][rows])


def test_converted_network_is_the_original_graph_and_its_decoding(variant, release):
    folder, weights, image_mean, labels = release
    convert_release(f"fpn-2018-{variant}", folder, folder / "out.onnx")
    images = np.random.default_rng(5).integers(0, 256, (3, 224, 224, 3), np.uint8)
    told = resnet(images, weights, image_mean, labels_of(variant, weights, labels))
    poses = PoseNetwork(folder / "out.onnx")(images)
    for row, label in enumerate(told):
        matrix = matrix_of_six(label) if variant == "6dof" else np.append(label, 0).reshape(4, 3).T
        f = np.diag([1.0, -1.0, -1.0])
        rotation = nearest_rotation((f @ matrix[:, :3] @ f)[None])
        assert geodesic_deg(poses.rotation[row : row + 1], rotation)[0] < 1e-3
        scale = 1000 * np.linalg.norm(matrix[:2, :3], axis=1).mean()
        assert poses.tvec_mm[row, 2] == pytest.approx(2880 / scale, rel=1e-5)
        projection = projection_to_image(
            poses.rotation[row : row + 1], poses.tvec_mm[row : row + 1], WHOLE_CROP, fpn_2018.CAMERA
        )
        seen = project(HEAD_MM[:1], projection)[0]
        np.testing.assert_allclose(seen, pixels(matrix, HEAD_MM[:1]), atol=1e-3)


def test_reprojection_error_on_synthetic_poses(variant, release):
    """Networks without weights tell the mean label: the pose put there. Measured over 400 poses of the
    training's range: 0.3 px of the 224 px crop on average, at most 1.5 px, from perspective alone."""
    folder, weights, _, _ = release
    silent = {name: np.zeros_like(array) for name, array in weights[variant].items()}
    write_version_2(folder / "models" / CHECKPOINTS_2018[variant], silent)
    rng, errors = np.random.default_rng(6), []
    for _ in range(4):
        label = rng.normal([8.1e-4, -0.15, 0, 0, 111, 114], [4e-5, 0.22, 0.95, 0.2, 20, 9.5])
        matrix = matrix_of_six(label)
        kind, size = ("300WLP", 134) if variant == "6dof" else ("ProjMat", 146)
        mean = np.zeros(size)
        mean[slice(0, 6) if variant == "6dof" else slice(-12, None)] = (
            label if variant == "6dof" else matrix.T.ravel()
        )
        np.save(folder / f"train_stats/train_label_mean_{kind}.npy", mean)
        convert_release(f"fpn-2018-{variant}", folder, folder / "out.onnx")
        poses = PoseNetwork(folder / "out.onnx")(np.zeros((1, 224, 224, 3), np.uint8))
        projection = projection_to_image(poses.rotation, poses.tvec_mm, WHOLE_CROP, fpn_2018.CAMERA)
        difference = project(HEAD_MM, projection)[0] - pixels(matrix, HEAD_MM)
        errors.append(np.linalg.norm(difference, axis=1))
    assert np.max(errors) < 1.6 and np.mean(errors) < 0.4
    np.testing.assert_allclose(np.array(errors)[:, 0], 0, atol=1e-3)


def test_windows_are_those_of_the_original_factors():
    rng = np.random.default_rng(7)
    boxes = np.column_stack([rng.uniform(0, 400, (500, 2)), rng.uniform(20, 300, (500, 2))])
    expected = []
    for x, y, w, h in boxes:
        cx, cy, half = x + w / 2, y + h / 2, max(w, h) / 2
        left, top, right, bottom = fpn_2018.FACTORS
        edges = np.array(
            [cx - left * half, cy - top * half, cx + right * half, cy + bottom * half], np.float32
        )
        moved = np.ceil(np.maximum(-edges[:2], 0))
        first, last = np.ceil(edges[:2] + moved), np.ceil(edges[2:] + moved)
        side = (last - first).max()
        expected.append([*(first - moved), *(first - moved + side)])
    found = crop_windows(boxes, fpn_2018.EXPAND)
    # A corner that lies on a pixel to float32 may round up to the next: measured in none of these.
    np.testing.assert_array_equal(found, expected)


def test_shapes_of_the_released_network():
    body, norms = fpn_2018.body_shapes(fpn_2018.Depths())
    assert len(body) == 104 and len(norms) == 4 * 104
    assert body["shapeCNN/res4b22_branch2b/weights"] == (3, 3, 256, 256)
    assert norms["shapeCNN/bn5a_branch1/variance"] == (2048,)
    # The convolutions of ResNet-101, and scale and offset of their normalisations.
    count = sum(np.prod(s) for s in body.values()) + sum(np.prod(s) for s in norms.values()) / 2
    assert count == 42_500_160
    assert fpn_2018.pose_shapes(fpn_2018.Depths(), "projmat")["Pose/fc3/W"] == (4096, 11)


def test_statistics_of_the_release_are_taken(reference, variant, release):
    folder = release[0]
    for path in reference.path("reference/train_stats").glob("*.npy"):
        (folder / "train_stats" / path.name).write_bytes(path.read_bytes())
    spec = convert_release(f"fpn-2018-{variant}", folder, folder / "out.onnx")
    assert PoseNetwork(folder / "out.onnx").spec == spec


def test_missing_and_wrong_files_are_named(variant, release):
    folder, weights, *_ = release
    kind = "6dof" if variant == "6dof" else "projmat"
    for path in (folder / "models").glob(CHECKPOINTS_2018[kind] + "*"):
        path.unlink()
    with pytest.raises(CheckpointError, match="no " + CHECKPOINTS_2018[kind].replace(".", r"\.")):
        convert_release(f"fpn-2018-{variant}", folder, folder / "out.onnx")
    last = {name: array for name, array in weights[variant].items() if name != "Pose/fc2/W"}
    write_version_1(folder / "models" / CHECKPOINTS_2018[kind], last)
    with pytest.raises(CheckpointError, match=r"lacks 1 of .*Pose/fc2/W"):
        convert_release(f"fpn-2018-{variant}", folder, folder / "out.onnx")
    np.save(folder / "train_stats/3DMM_shape_mean.npy", np.zeros((224, 224, 3)))
    with pytest.raises(CheckpointError, match=r"3DMM_shape_mean\.npy holds float64 \(224, 224, 3\)"):
        convert_release(f"fpn-2018-{variant}", folder, folder / "out.onnx")


def test_choice_of_a_checkpoint_is_refused(variant, release):
    with pytest.raises(CheckpointError, match="fixed checkpoints"):
        convert_release(f"fpn-2018-{variant}", release[0], release[0] / "out.onnx", checkpoint="model")
