"""Writing ONNX graphs of convolutional networks, with TensorFlow's layers in mind."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpn_core.metadata import NetworkSpec, spec_to_metadata
from fpn_core.onnx_package import import_onnx

OPSET, IR_VERSION = 17, 8
"""What ONNX Runtime reads from 1.12 on; ReduceL2 still takes its axes as an attribute."""


class GraphBuilder:
    """Collects nodes and weights. Values go by their names; every method returns the name of its result."""

    def __init__(self) -> None:
        self._onnx = import_onnx()
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def node(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """An operator with one output, called `name`."""
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def weight(self, name: str, values: NDArray[Any]) -> str:
        """Numbers that the file holds."""
        self._weights.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def bytes_to_float(self, image: str) -> str:
        """n x h x w x 3 bytes to n x 3 x h x w floats of 0 to 255: moved while they are still bytes."""
        moved = self.node("Transpose", [image], "channels_first", perm=[0, 3, 1, 2])
        return self.node("Cast", [moved], "pixels", to=self._onnx.TensorProto.FLOAT)

    def convolution(
        self,
        values: str,
        size_px: int,
        weights: NDArray[np.float32],
        biases: NDArray[np.float32],
        name: str,
        stride: int = 1,
        groups: int = 1,
    ) -> str:
        """A convolution with TensorFlow's padding SAME. `weights`: height x width x in x out, as TensorFlow
        has them; `size_px`: side of the square that comes in."""
        kernel = weights.shape[0]
        before, after = same_padding(size_px, kernel, stride)
        held = [
            self.weight(f"{name}.weights", weights.transpose(3, 2, 0, 1)),
            self.weight(f"{name}.biases", biases),
        ]
        return self.node(
            "Conv",
            [values, *held],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )

    def dense(self, values: str, weights: NDArray[Any], biases: NDArray[Any], name: str) -> str:
        """A fully connected layer. `weights`: in x out."""
        held = [
            self.weight(f"{name}.weights", weights.astype(np.float32)),
            self.weight(f"{name}.biases", biases.astype(np.float32)),
        ]
        return self.node("Gemm", [values, *held], name)

    def save(self, path: Path, size_px: int, outputs: dict[str, list[int]], spec: NetworkSpec) -> None:
        """Checks the graph from the input `image` to the outputs (shapes of one row) and writes the file."""
        helper, proto = self._onnx.helper, self._onnx.TensorProto
        graph = helper.make_graph(
            self._nodes,
            spec.name,
            [helper.make_tensor_value_info("image", proto.UINT8, ["n", size_px, size_px, 3])],
            [helper.make_tensor_value_info(name, proto.FLOAT, ["n", *row]) for name, row in outputs.items()],
            self._weights,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="faceposenet"
        )
        helper.set_model_props(model, spec_to_metadata(spec))
        self._onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString())


def same_padding(size_px: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels that TensorFlow's SAME adds before and after a side; the odd one goes after."""
    # The last window starts at (ceil(size / stride) - 1) stride and must end inside.
    total = max((-(-size_px // stride) - 1) * stride + kernel - size_px, 0)
    return total // 2, total - total // 2
