"""The first weights of a run: those of another run, or of a file that was exported from one."""

import math
from pathlib import Path

import numpy as np
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from fpn_core.onnx_package import load_onnx
from training.config import ConfigError
from training.network import PoseNet

CHECKPOINT = "checkpoint.pt"
_PREFIX = "network."


def load_start(network: PoseNet, source: Path) -> None:
    """Gives `network` the averaged weights of the run in the folder `source`, or the weights of the exported
    file `source`, in place.

    An exported file lacks what only training looks at: the free landmarks start without weights.
    Re-parameterised blocks cannot be told apart again once they are exported.
    Raises ConfigError where there are no such weights, or they are of a network of another shape;
    ModelFileError for a file that cannot be read.
    """
    if source.suffix != ".onnx":
        if not (source / CHECKPOINT).is_file():
            raise ConfigError(
                f"there is no {source / CHECKPOINT}; expected the folder of a run, or an exported .onnx file"
            )
        weights = torch.load(source / CHECKPOINT, map_location="cpu", weights_only=True)["average"]
    else:
        weights = _exported_weights(network, source)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ConfigError(
            f"{source} holds a network of another shape: {error}; expected the same `network` settings"
        ) from error


@torch.no_grad()
def _exported_weights(network: PoseNet, source: Path) -> dict[str, Tensor]:
    graph = load_onnx(source).graph
    stored = {one.name: torch.tensor(np.array(numpy_helper.to_array(one))) for one in graph.initializer}
    # What a file never holds; whatever else it lacks, loading tells.
    own = network.state_dict()
    weights = {name: own[name] for name in own if name.endswith(("num_batches_tracked", "landmarks.bias"))}
    weights["landmarks.weight"] = torch.zeros_like(own["landmarks.weight"])
    weights |= {
        name.removeprefix(_PREFIX): value for name, value in stored.items() if name.startswith(_PREFIX)
    }
    # The exporter folds every norm into its convolution and names the two anew, in the order in which they
    # are called.
    folded = [node for node in graph.node if node.op_type == "Conv" and stored.keys() >= set(node.input[1:])]
    pairs = _pairs_as_called(network)
    if len(folded) != len(pairs):
        raise ConfigError(
            f"{source} has {len(folded)} convolutions, and the network {len(pairs)}; expected a file that"
            " `python -m training export` made of the same `network` settings, in 32-bit floats"
        )
    for node, name in zip(folded, pairs, strict=True):
        weight, bias = (stored[given] for given in node.input[1:])
        weights.update(_unfolded(name, weight, bias))
    return weights


def _pairs_as_called(network: PoseNet) -> list[str]:
    """Names of the pairs of convolution and norm, in the order in which a picture meets them."""
    names: list[str] = []
    hooks = [
        module[0].register_forward_hook(lambda *_, name=name: names.append(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[0], nn.Conv2d)
    ]
    training = network.training
    network.eval()
    network(torch.zeros(1, network.size_px, network.size_px, 3, dtype=torch.uint8))
    network.train(training)
    for hook in hooks:
        hook.remove()
    return names


def _unfolded(name: str, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """A convolution and a norm that amount to the folded one. Its weights get the size of fresh ones, for
    which the learning rate is meant, and the norm carries the rest."""
    fresh = 1 / math.sqrt(3 * weight[0].numel())
    scale = weight.flatten(1).square().mean(dim=1).sqrt().clamp_min(1e-12) / fresh
    return {
        f"{name}.0.weight": weight / scale[:, None, None, None],
        f"{name}.1.weight": scale,
        f"{name}.1.bias": bias,
        f"{name}.1.running_mean": torch.zeros_like(bias),
        # With the epsilon that a norm adds, 1.
        f"{name}.1.running_var": torch.full_like(bias, 1 - nn.BatchNorm2d(1).eps),
    }
