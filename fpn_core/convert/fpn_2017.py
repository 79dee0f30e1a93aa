"""FacePoseNet of 2017 (Chang et al., ICCVW 2017): an AlexNet that predicts rotation vector and translation.

The released folder holds the checkpoint (`model_*.ckpt`, variables under `Spatial_Transformer/ST2`) and the
statistics of its training: the mean colour of the images, mean and deviation of the labels. A fourth file,
`PAM_frontal_ALexNet.npy`, only started the training; the checkpoint replaces all of it, so it is not read.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpn_core.camera import FPN_227
from fpn_core.convert.array_files import read_arrays
from fpn_core.convert.graph import GraphBuilder
from fpn_core.convert.weights import Shapes, Weights, find_checkpoint, find_file, read_weights
from fpn_core.crop import EXPAND
from fpn_core.errors import CheckpointError
from fpn_core.metadata import NetworkSpec

SIZE_PX = 227
SCOPE = "Spatial_Transformer/ST2/"

KERNELS, STRIDES, GROUPS = (11, 5, 3, 3, 3), (4, 1, 1, 1, 1), (1, 2, 1, 2, 2)
POOLED = (True, True, False, False, True)
"""Convolutions followed by 3 x 3 pooling with stride 2; the first two of them also by normalisation."""

_POOLED_SIZE = 6
_LRN_SIZE, _LRN_ALPHA, _LRN_BETA = 5, 2e-5, 0.75

SPEC = NetworkSpec(
    name="fpn-2017",
    licence="weights of FacePoseNet (Chang et al., ICCVW 2017), under the terms of its authors",
    input_name="image",
    layout="NHWC",
    channels="BGR",
    size_px=SIZE_PX,
    normalisation=None,
    crop_expand=EXPAND,
    crop_interpolation="cubic",
    rotation_output="rvec",
    rotation_form="rvec",
    translation_output="tvec_mm",
    translation_form="tvec_mm",
    camera=FPN_227,
)


@dataclass(frozen=True)
class Widths:
    """Channels of the five convolutions and of the two hidden layers; the released network has these."""

    convolutions: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    hidden: int = 4096


@dataclass(frozen=True)
class Statistics:
    """Of the training: mean colour (BGR, 0 to 1), mean and deviation of the six labels."""

    image_mean: NDArray[np.float64]
    label_mean: NDArray[np.float64]
    label_std: NDArray[np.float64]


def convert(
    folder: Path, destination: Path, checkpoint: str | None, allow_pickle: bool, widths: Widths | None = None
) -> NetworkSpec:
    """Writes the network of a folder of the release as an ONNX file, and returns what it says of itself.

    Raises CheckpointError, or MissingPackageError without the package `onnx`.
    """
    prefix = find_checkpoint(folder, "model_*.ckpt", checkpoint)
    statistics = _read_statistics(folder, allow_pickle)
    weights = read_weights(prefix, variable_shapes(widths or Widths()), SCOPE)
    write_network(weights, statistics, destination)
    return SPEC


def variable_shapes(widths: Widths) -> Shapes:
    """Every variable of the network, by its name in the checkpoint ("baises" is how the original spells
    it)."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for i, (out, kernel, groups) in enumerate(zip(widths.convolutions, KERNELS, GROUPS, strict=True), 1):
        shapes[f"{SCOPE}conv{i}/W"] = (kernel, kernel, channels // groups, out)
        shapes[f"{SCOPE}conv{i}/baises"] = (out,)
        channels = out
    sizes = (_POOLED_SIZE * _POOLED_SIZE * channels, widths.hidden, widths.hidden, 6)
    for i in range(3):
        shapes[f"{SCOPE}fc{i + 6}/W"] = sizes[i : i + 2]
        shapes[f"{SCOPE}fc{i + 6}/baises"] = sizes[i + 1 : i + 2]
    return shapes


def _read_statistics(folder: Path, allow_pickle: bool) -> Statistics:
    images = find_file(folder, "perturb_Oxford_train_imgs_mean.npz")
    labels = find_file(folder, "perturb_Oxford_train_labels_mean_std.npz")
    arrays = {}
    for path, names in ((images, ("train_mean_vec",)), (labels, ("mean_labels", "std_labels"))):
        found = read_arrays(path, allow_pickle)
        for name in names:
            size = 3 if name == "train_mean_vec" else 6
            if name not in found or found[name].size != size or found[name].dtype.kind not in "fiu":
                shapes = {key: array.shape for key, array in found.items()}
                raise CheckpointError(f"{path} holds {shapes}; expected {size} numbers called {name}.")
            arrays[name] = found[name].astype(np.float64).ravel()
    return Statistics(arrays["train_mean_vec"], arrays["mean_labels"], arrays["std_labels"])


def write_network(weights: Weights, statistics: Statistics, destination: Path) -> None:
    """Writes the network with these variables (`variable_shapes` names them) as an ONNX file."""
    graph = GraphBuilder()
    values = _normalise(graph, statistics)
    values = _convolutions(graph, values, weights)
    values = graph.node("Flatten", [values], "flat", axis=1)
    for layer in ("fc6", "fc7"):
        matrix, biases = _layer(weights, layer)
        matrix = _rows_channels_first(matrix) if layer == "fc6" else matrix
        values = graph.node("Relu", [graph.dense(values, matrix, biases, layer)], f"{layer}.relu")
    # Labels back to their units: (x W + b) std + mean = x (W std) + (b std + mean).
    last, last_biases = _layer(weights, "fc8")
    to_labels = last.astype(np.float64) * statistics.label_std
    at_zero = last_biases.astype(np.float64) * statistics.label_std + statistics.label_mean
    graph.dense(values, to_labels[:, :3], at_zero[:3], "rvec")
    graph.dense(values, to_labels[:, 3:], at_zero[3:], "tvec_mm")
    graph.save(destination, SIZE_PX, {"rvec": [3], "tvec_mm": [3]}, SPEC)


def _normalise(graph: GraphBuilder, statistics: Statistics) -> str:
    # The padding is 0 after the normalisation, so the mean cannot go into the first convolution.
    share = graph.weight("per_byte", np.array(1 / 255, np.float32))
    values = graph.node("Mul", [graph.bytes_to_float("image"), share], "image_0_to_1")
    mean = graph.weight("image_mean", statistics.image_mean.astype(np.float32).reshape(1, 3, 1, 1))
    return graph.node("Sub", [values, mean], "image_normalised")


def _convolutions(graph: GraphBuilder, values: str, weights: Weights) -> str:
    size = SIZE_PX
    for i in range(5):
        name, stride = f"conv{i + 1}", STRIDES[i]
        values = graph.convolution(values, size, *_layer(weights, name), name, stride, GROUPS[i])
        values, size = graph.node("Relu", [values], f"{name}.relu"), -(-size // stride)
        if POOLED[i]:
            values = graph.node("MaxPool", [values], f"pool{i + 1}", kernel_shape=[3, 3], strides=[2, 2])
            size = (size - 3) // 2 + 1
        if i < 2:
            # ONNX divides alpha by the size, TensorFlow does not.
            alpha = _LRN_ALPHA * _LRN_SIZE
            values = graph.node(
                "LRN", [values], f"norm{i + 1}", size=_LRN_SIZE, alpha=alpha, beta=_LRN_BETA, bias=1.0
            )
    return values


def _layer(weights: Weights, layer: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return weights[f"{SCOPE}{layer}/W"], weights[f"{SCOPE}{layer}/baises"]


def _rows_channels_first(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows in the order channel, y, x instead of TensorFlow's y, x, channel."""
    rows, columns = matrix.shape
    by_place = matrix.reshape(_POOLED_SIZE, _POOLED_SIZE, rows // _POOLED_SIZE**2, columns)
    return by_place.transpose(2, 0, 1, 3).reshape(rows, columns)
