"""The two networks of 2018 (Chang et al., Deep, landmark-free FAME, IJCV 2019): ResNet-101 on 224 px.

`fpn-2018-6dof` predicts scale, pitch, yaw, roll and position of the head in weak perspective;
`fpn-2018-projmat` the scaled rotation and the place as 11 numbers of a 3 x 4 matrix. Both count as 300W-LP
does: a head in units of 1/1000 mm with y up, pixels of the 224 px crop from 1 and from its lower edge. The
graph turns all of it into millimetres and 0-based pixels with y down, which costs nothing: these steps are
linear and go into the last layer.

The weights of three checkpoints make a network: the normalisations of the first (the original never trained
them), the convolutions of the second, and the last three layers of the second (6dof) or third (projmat).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fpn_core.camera import Camera
from fpn_core.convert.array_files import read_arrays
from fpn_core.convert.graph import GraphBuilder, same_padding
from fpn_core.convert.weights import Shapes, Weights, find_checkpoint, find_file, read_weights
from fpn_core.errors import CheckpointError
from fpn_core.metadata import NetworkSpec

Variant = Literal["6dof", "projmat"]

SIZE_PX = 224
FACTORS = (1.9255, 2.2591, 1.9423, 1.6087)
"""Of half the box, from its centre to left, top, right, bottom: the crop of the networks' training."""

EXPAND = tuple((factor - 1) / 2 for factor in FACTORS)
"""The same as shares of the side that `crop_windows` adds."""

CAMERA = Camera("fpn-2018-224", (2880.0, 2880.0), (111.5, 111.5), SIZE_PX)
"""Weak perspective has no camera; this one has the focal length of "fpn-227" and the centre of the crop."""

_UNITS_PER_MM = 1000.0
_BATCH_NORM_EPSILON = 1e-5
_SHAPE_SCOPE, _POSE_SCOPE = "shapeCNN/", "Pose/"
_CHECKPOINT_NORMS = "ini_shapeNet_model_L7L_trainable.ckpt"
_CHECKPOINT_6DOF = "model_0.0001_1_18_0.0_2048_4096.ckpt"
_CHECKPOINT_PROJMAT = "model_iniLR_0.001_wProjMat_1.0_wLmks_10.0_wd_0.0_do_1_122.ckpt"
_IMAGE_MEAN = "3DMM_shape_mean.npy"
_NAMES = {"6dof": "300WLP", "projmat": "ProjMat"}
_LABELS = {"6dof": slice(0, 6), "projmat": slice(-12, -1)}
"""Where the network's labels stand in the statistics, which also hold 128 numbers of shape and expression."""


@dataclass(frozen=True)
class Depths:
    """Blocks and inner channels of the four stages, and the two hidden layers; the released network has
    these."""

    stem: int = 64
    blocks: tuple[int, int, int, int] = (3, 4, 23, 3)
    channels: tuple[int, int, int, int] = (64, 128, 256, 512)
    hidden: tuple[int, int] = (2048, 4096)


@dataclass(frozen=True)
class Convolution:
    """One convolution with the normalisation after it."""

    name: str
    norm: str
    kernel: int
    channels_in: int
    channels_out: int
    stride: int = 1


@dataclass(frozen=True)
class Block:
    """Three convolutions parallel to a shortcut, which is a convolution where the size changes."""

    name: str
    inner: tuple[Convolution, Convolution, Convolution]
    shortcut: Convolution | None


def convert(
    variant: Variant, folder: Path, destination: Path, allow_pickle: bool, depths: Depths | None = None
) -> NetworkSpec:
    """Writes one of the two networks as an ONNX file, and returns what it says of itself.

    `folder`: with the checkpoints and the statistics in it or in folders of it (`models`, `train_stats`).
    Raises CheckpointError, or MissingPackageError without the package `onnx`.
    """
    depths = depths or Depths()
    body, norms = body_shapes(depths)
    pose = pose_shapes(depths, variant)
    main = find_checkpoint(folder, _CHECKPOINT_6DOF)
    last = main if variant == "6dof" else find_checkpoint(folder, _CHECKPOINT_PROJMAT)
    mean, label_mean, label_std = _read_statistics(variant, folder, allow_pickle)
    weights = (
        read_weights(find_checkpoint(folder, _CHECKPOINT_NORMS), norms)
        | read_weights(main, body)
        | read_weights(last, pose, _POSE_SCOPE)
    )
    graph = GraphBuilder()
    offset = graph.weight("image_mean", mean.astype(np.float32)[None])
    values = graph.node("Sub", [graph.bytes_to_float("image"), offset], "image_normalised")
    values = _body(graph, values, weights, depths)
    for layer in ("fc1", "fc2"):
        values = graph.node("Relu", [graph.dense(values, *_dense(weights, layer), layer)], f"{layer}.relu")
    # Labels back to their units: (x W + b) std + mean = x (W std) + (b std + mean).
    matrix, biases = _dense(weights, "fc3")
    to_labels = matrix.astype(np.float64) * label_std
    at_zero = biases.astype(np.float64) * label_std + label_mean
    spec = network_spec(variant)
    outputs = (_six_numbers if variant == "6dof" else _eleven_numbers)(graph, values, to_labels, at_zero)
    graph.save(destination, SIZE_PX, outputs, spec)
    return spec


def network_spec(variant: Variant) -> NetworkSpec:
    """What the converted network says of itself."""
    six = variant == "6dof"
    return NetworkSpec(
        name=f"fpn-2018-{variant}",
        licence="weights of FacePoseNet of 2018 (Chang et al.), under the terms of its authors",
        input_name="image",
        layout="NHWC",
        channels="BGR",
        size_px=SIZE_PX,
        normalisation=None,
        crop_expand=(EXPAND[0], EXPAND[1], EXPAND[2], EXPAND[3]),
        crop_interpolation="cubic",
        rotation_output="pitch_yaw_roll_deg" if six else "scaled_rotation",
        rotation_form="aflw_pyr_deg" if six else "matrix",
        translation_output="scale_and_place",
        translation_form="weak_perspective",
        camera=CAMERA,
    )


def plan(depths: Depths) -> list[Block]:
    """The residual blocks in their order, named as in the checkpoint."""
    blocks = []
    channels = depths.stem
    for stage, (count, inner) in enumerate(zip(depths.blocks, depths.channels, strict=True), 2):
        # The two middle stages of the original count their blocks: 3a, 3b1, 3b2, ...; the others a, b, c.
        later = [f"b{i}" for i in range(1, count)] if stage in {3, 4} else [*"bcdefgh"[: count - 1]]
        for i, letter in enumerate(["a", *later]):
            name, stride = f"{stage}{letter}", 2 if i == 0 and stage > 2 else 1
            branches = [
                _convolution(name, "branch2a", 1, channels, inner, stride),
                _convolution(name, "branch2b", 3, inner, inner),
                _convolution(name, "branch2c", 1, inner, 4 * inner),
            ]
            shortcut = _convolution(name, "branch1", 1, channels, 4 * inner, stride) if i == 0 else None
            blocks.append(Block(name, (branches[0], branches[1], branches[2]), shortcut))
            channels = 4 * inner
    return blocks


def body_shapes(depths: Depths) -> tuple[Shapes, Shapes]:
    """Variables of all convolutions, and of all normalisations."""
    shapes: dict[str, tuple[int, ...]] = {}
    norms: dict[str, tuple[int, ...]] = {}
    for c in [_stem(depths), *(c for block in plan(depths) for c in (block.shortcut, *block.inner) if c)]:
        shapes[f"{_SHAPE_SCOPE}{c.name}/weights"] = (c.kernel, c.kernel, c.channels_in, c.channels_out)
        for part in ("scale", "offset", "mean", "variance"):
            norms[f"{_SHAPE_SCOPE}{c.norm}/{part}"] = (c.channels_out,)
    return shapes, norms


def pose_shapes(depths: Depths, variant: Variant) -> Shapes:
    """Variables of the last three layers ("baises" is how the original spells it)."""
    sizes = (4 * depths.channels[-1], *depths.hidden, 6 if variant == "6dof" else 11)
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(3):
        shapes[f"{_POSE_SCOPE}fc{i + 1}/W"] = sizes[i : i + 2]
        shapes[f"{_POSE_SCOPE}fc{i + 1}/baises"] = sizes[i + 1 : i + 2]
    return shapes


def _stem(depths: Depths) -> Convolution:
    return Convolution("conv1", "bn_conv1", 7, 3, depths.stem, 2)


def _convolution(
    block: str, branch: str, kernel: int, channels_in: int, channels_out: int, stride: int = 1
) -> Convolution:
    names = f"res{block}_{branch}", f"bn{block}_{branch}"
    return Convolution(*names, kernel, channels_in, channels_out, stride)


def _read_statistics(
    variant: Variant, folder: Path, allow_pickle: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean image (3 x 224 x 224, BGR, 0 to 255), mean and deviation of the labels."""
    names = [_IMAGE_MEAN, *(f"train_label_{part}_{_NAMES[variant]}.npy" for part in ("mean", "std"))]
    shapes = [(3, SIZE_PX, SIZE_PX)] + 2 * [(134 if variant == "6dof" else 146,)]
    arrays = []
    for name, shape in zip(names, shapes, strict=True):
        path = find_file(folder, name)
        array = next(iter(read_arrays(path, allow_pickle).values()))
        if array.shape != shape or array.dtype.kind not in "fiu":
            raise CheckpointError(f"{path} holds {array.dtype} {array.shape}; expected numbers {shape}.")
        arrays.append(array.astype(np.float64))
    return arrays[0], arrays[1][_LABELS[variant]], arrays[2][_LABELS[variant]]


def _body(graph: GraphBuilder, values: str, weights: Weights, depths: Depths) -> str:
    values = _convolve(graph, values, SIZE_PX, _stem(depths), weights)
    values = graph.node("Relu", [values], "conv1.relu")
    size = SIZE_PX // 2
    pads = [same_padding(size, 3, 2)[0]] * 2 + [same_padding(size, 3, 2)[1]] * 2
    values = graph.node("MaxPool", [values], "pool1", kernel_shape=[3, 3], strides=[2, 2], pads=pads)
    size //= 2
    for block in plan(depths):
        shortcut = _convolve(graph, values, size, block.shortcut, weights) if block.shortcut else values
        for i, convolution in enumerate(block.inner):
            values = _convolve(graph, values, size, convolution, weights)
            size = -(-size // convolution.stride)
            if i < 2:
                values = graph.node("Relu", [values], f"{convolution.name}.relu")
        values = graph.node("Add", [shortcut, values], f"res{block.name}")
        values = graph.node("Relu", [values], f"res{block.name}.relu")
    return graph.node("Flatten", [graph.node("GlobalAveragePool", [values], "pool5")], "flat", axis=1)


def _convolve(graph: GraphBuilder, values: str, size: int, c: Convolution, weights: Weights) -> str:
    """A convolution with its normalisation folded in: scale (x - mean) / sqrt(variance + eps) + offset."""
    scale, offset, mean, variance = (
        weights[f"{_SHAPE_SCOPE}{c.norm}/{part}"].astype(np.float64)
        for part in ("scale", "offset", "mean", "variance")
    )
    gain = scale / np.sqrt(variance + _BATCH_NORM_EPSILON)
    kernel = (weights[f"{_SHAPE_SCOPE}{c.name}/weights"] * gain).astype(np.float32)
    return graph.convolution(
        values, size, kernel, (offset - mean * gain).astype(np.float32), c.name, c.stride
    )


def _dense(weights: Weights, layer: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return weights[f"{_POSE_SCOPE}{layer}/W"], weights[f"{_POSE_SCOPE}{layer}/baises"]


def _six_numbers(
    graph: GraphBuilder, values: str, to_labels: NDArray[np.float64], at_zero: NDArray[np.float64]
) -> dict[str, list[int]]:
    """Labels: scale, pitch, yaw, roll in radians, x, y."""
    angles = np.rad2deg(to_labels[:, 1:4]), np.rad2deg(at_zero[1:4])
    graph.dense(values, *angles, "pitch_yaw_roll_deg")
    # Pixels are counted from 1, and y from below: x0 = x - 1, y0 = 224 - y.
    factors = np.array([_UNITS_PER_MM, 1.0, -1.0])
    place = to_labels[:, [0, 4, 5]] * factors, at_zero[[0, 4, 5]] * factors + [0.0, -1.0, SIZE_PX]
    graph.dense(values, *place, "scale_and_place")
    return {"pitch_yaw_roll_deg": [3], "scale_and_place": [3]}


def _eleven_numbers(
    graph: GraphBuilder, values: str, to_labels: NDArray[np.float64], at_zero: NDArray[np.float64]
) -> dict[str, list[int]]:
    """Labels: the columns of scale times R, then x and y."""
    # R = F R' F with F = diag(1, -1, -1), and rows instead of columns: entry (i, j) from label 3 j + i.
    order = np.arange(9).reshape(3, 3).T.ravel()
    f = np.array([1.0, -1.0, -1.0])
    signs = _UNITS_PER_MM * np.outer(f, f).ravel()
    flat = graph.dense(values, to_labels[:, order] * signs, at_zero[order] * signs, "scaled_rotation.flat")
    shape = graph.weight("scaled_rotation.shape", np.array([-1, 3, 3], np.int64))
    rotation = graph.node("Reshape", [flat, shape], "scaled_rotation")
    # The scale is the mean length of the two rows that make pixels.
    lengths = graph.node("ReduceL2", [rotation], "row_lengths", axes=[2], keepdims=0)
    bounds = [graph.weight(f"rows.{at}", np.array([at], np.int64)) for at in (0, 2, 1)]
    two = graph.node("Slice", [lengths, *bounds], "two_lengths")
    scale = graph.node("ReduceMean", [two], "scale", axes=[1], keepdims=1)
    signs = np.array([1.0, -1.0])
    place = graph.dense(values, to_labels[:, 9:] * signs, at_zero[9:] * signs + [-1.0, SIZE_PX], "place")
    graph.node("Concat", [scale, place], "scale_and_place", axis=1)
    return {"scaled_rotation": [3, 3], "scale_and_place": [3]}
