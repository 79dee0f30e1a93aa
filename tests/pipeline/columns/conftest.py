"""A tiny embedding: channel sums of the halves of a crop, made with onnx."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

Write = Callable[..., Path]


def save_network(path: Path, *, size_px: int = 112, constant: bool = False, nan: bool = False) -> Path:
    """Averages the crop in a raster of 7 x 7, then takes one fixed random product of that."""
    weight = np.random.default_rng(0).normal(size=(3 * 7 * 7, 16)).astype(np.float32)
    if constant:
        weight[:] = 0
    if nan:
        weight[:] = np.nan
    pool = size_px // 7
    nodes = [
        helper.make_node(
            "AveragePool", ["input"], ["pooled"], kernel_shape=[pool, pool], strides=[pool, pool]
        ),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, size_px, size_px])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return path


@pytest.fixture
def write_network(tmp_path: Path) -> Write:
    """Writes a network and its description; gives the description."""

    def write(*, constant: bool = False, nan: bool = False, **description: object) -> Path:
        save_network(tmp_path / "tiny.onnx", constant=constant, nan=nan)
        file = tmp_path / "net.yaml"
        file.write_text(yaml.safe_dump({"file": "tiny.onnx", "licence": "none", **description}))
        return file

    return write
