"""Smaller and faster copies of a network: half precision for GPUs, 8-bit integers for CPUs.

Both keep the inputs, the outputs and what the file says of itself. What a copy loses is for `fpn evaluate`
to say: half precision by itself holds a distance of 2600 mm to 1 mm and an angle to 0.03 degrees.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from fpn_core.errors import ModelFileError, ModelInputError
from fpn_core.metadata import NetworkSpec, metadata_to_spec, write_metadata
from fpn_core.network import crops_to_input
from fpn_core.onnx_package import load_onnx

_WEIGHTED = ("Conv", "Gemm", "MatMul")
_BATCH = 32
LEAST_CALIBRATION_CROPS = 16
"""Fewer do not show the range of any value."""


def write_half_precision(source: Path, destination: Path) -> NetworkSpec:
    """Copies a network with 16-bit weights and arithmetic; returns what the copy says of itself.

    Raises ModelFileError, ModelMetadataError, or MissingPackageError without the package `onnx`.
    """
    model = load_onnx(source)
    spec = _renamed(model, "fp16")
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415

    half = convert_float_to_float16(model, keep_io_types=True)
    destination.write_bytes(half.SerializeToString())
    write_metadata(destination, destination, spec)
    return spec


def write_8_bit(source: Path, destination: Path, crops: UInt8[np.ndarray, "n s s 3"]) -> NetworkSpec:
    """Copies a network with 8-bit weights and values, their ranges taken from typical crops (BGR, of the
    network's size); returns what the copy says of itself.

    Convolutions and dense layers are quantised: weights per channel and signed, values unsigned, which runs
    fastest on CPUs. What comes after the last of them, where numbers become millimetres, is left as it is. A
    few hundred crops are enough; those that measure the copy must not be among them.

    Raises ModelFileError, ModelMetadataError, ModelInputError for too few crops or crops of another size, or
    MissingPackageError without the package `onnx`.
    """
    model = load_onnx(source)
    spec = _renamed(model, "int8")
    expected = (spec.size_px, spec.size_px, 3)
    if len(crops) < LEAST_CALIBRATION_CROPS or crops.shape[1:] != expected:
        raise ModelInputError(
            f"crops to calibrate with are {crops.shape}; expected at least {LEAST_CALIBRATION_CROPS} of"
            f" {expected}. Take a few hundred faces of the kind that the network will see."
        )
    from onnxruntime import quantization  # noqa: PLC0415
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Symbolic shapes would need a further package and help transformers only.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(destination),
            _Crops(crops, spec),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=list(_WEIGHTED),
            nodes_to_exclude=_tail(load_onnx(prepared), source),
        )
    write_metadata(destination, destination, spec)
    return spec


class _Crops:
    """Inputs in batches, as the calibration asks for them: one at each call, then None."""

    def __init__(self, crops: NDArray[np.uint8], spec: NetworkSpec) -> None:
        self._inputs = self._batches(crops, spec)

    @staticmethod
    def _batches(crops: NDArray[np.uint8], spec: NetworkSpec) -> Iterator[dict[str, Any]]:
        for at in range(0, len(crops), _BATCH):
            yield {spec.input_name: crops_to_input(crops[at : at + _BATCH], spec)}

    def get_next(self) -> dict[str, Any] | None:
        return next(self._inputs, None)


def _renamed(model: Any, suffix: str) -> NetworkSpec:
    """What the model says of itself, with a name that distinguishes the copy."""
    spec = metadata_to_spec({entry.key: entry.value for entry in model.metadata_props})
    return replace(spec, name=f"{spec.name}-{suffix}")


def _tail(model: Any, source: Path) -> list[str]:
    """Names of the nodes after the last one with weights, in the order of the graph; gives unnamed nodes
    names."""
    names = []
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{number}"
        names.append(node.name)
    weighted = [i for i, node in enumerate(model.graph.node) if node.op_type in _WEIGHTED]
    if not weighted:
        raise ModelFileError(
            f"{source} has no layer with weights ({', '.join(_WEIGHTED)}); there is nothing to make smaller."
        )
    return names[weighted[-1] + 1 :]
