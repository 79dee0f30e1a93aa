"""A pose network of three nodes, which needs no training: the mean colour of the crop is the pose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fpn_core import FPN_227, NetworkSpec, Normalisation, spec_to_metadata

SIZE_PX = 8
UINT8_SPEC = NetworkSpec(
    name="tiny",
    licence="none needed",
    input_name="image",
    layout="NHWC",
    channels="BGR",
    size_px=SIZE_PX,
    normalisation=None,
    crop_expand=0.25,
    crop_interpolation="area",
    rotation_output="rvec",
    rotation_form="rvec",
    translation_output="tvec",
    translation_form="tvec_mm",
    camera=FPN_227,
)
FLOAT_SPEC = replace(
    UINT8_SPEC,
    layout="NCHW",
    channels="RGB",
    normalisation=Normalisation(1 / 255, (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)),
    confidence_output="confidence",
)
TinyNetwork = Callable[..., Path]


@pytest.fixture
def tiny_network(tmp_path) -> TinyNetwork:
    """Writes a network whose rvec and tvec are the means of its input's channels, its confidence their sum.

    `metadata` replaces keys (None removes one); `log_of_input` makes a black crop's pose infinite; `rows`
    fixes the batch size; `rotation_shape` reshapes the rows of the output "rvec"; `domain` moves a node to
    foreign operators.
    """

    def write(
        spec=UINT8_SPEC,
        *,
        metadata=None,
        log_of_input=False,
        rows="n",
        rotation_shape=None,
        domain="",
        name="tiny.onnx",
    ):
        shape = [rows, SIZE_PX, SIZE_PX, 3] if spec.layout == "NHWC" else [rows, 3, SIZE_PX, SIZE_PX]
        dtype = TensorProto.UINT8 if spec.normalisation is None else TensorProto.FLOAT
        axes = [1, 2] if spec.layout == "NHWC" else [2, 3]
        target = numpy_helper.from_array(np.array([0, *(rotation_shape or (3,))], np.int64), "target")
        axes_constant = numpy_helper.from_array(np.array(axes, np.int64), "axes")
        last_axis = numpy_helper.from_array(np.array([1], np.int64), "last")
        nodes = [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0, domain=domain),
            helper.make_node("Log" if log_of_input else "Identity", ["mean"], ["tvec"]),
            helper.make_node("Reshape", ["mean", "target"], ["rvec"]),
            helper.make_node("ReduceSum", ["mean", "last"], ["confidence"], keepdims=1),
        ]
        outputs = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("tvec", "rvec", "confidence")
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("image", dtype, shape)],
            outputs,
            [target, axes_constant, last_axis],
        )
        opsets = [helper.make_opsetid("", 18)] + ([helper.make_opsetid(domain, 1)] if domain else [])
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        keys = spec_to_metadata(spec) | (metadata or {})
        helper.set_model_props(model, {key: value for key, value in keys.items() if value is not None})
        path = tmp_path / name
        onnx.save(model, str(path))
        return path

    return write
