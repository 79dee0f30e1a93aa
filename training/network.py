"""Small networks from a crop to a pose: one trunk in three kinds of block, one head that decodes in the
graph."""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import NetworkConfig
from training.geometry import FOCAL_PX, PRINCIPAL_PX, REFERENCE_PX

BlockKind = Literal["residual", "depthwise", "reparameterised"]


class Prediction(NamedTuple):
    """Poses of n crops in the camera "fpn-227", and what only training looks at.

    `rotation` n x 3 x 3, head to camera. `translation_mm` n x 3. `log_error` n: logarithm of the rotation
    error in degrees that the network expects of itself. `landmarks` n x 68 x 2: where it sees the face's
    own landmarks, in sides of the crop, without any rigid head.
    """

    rotation: Tensor
    translation_mm: Tensor
    log_error: Tensor
    landmarks: Tensor


def _convolution(before: int, after: int, side: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, side, stride, side // 2, groups=groups, bias=False), nn.BatchNorm2d(after)
    )


class Residual(nn.Module):
    """Two 3 x 3 convolutions around which the input is carried (He et al., CVPR 2016)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(before, after, 3, stride)
        self.second = _convolution(after, after, 3)
        # 3 x 3 also where the shape changes: it costs a tenth and sees every pixel, as a strided 1 x 1 does
        # not.
        self.carry = (
            nn.Identity() if stride == 1 and before == after else _convolution(before, after, 3, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.carry(x) + self.second(functional.relu(self.first(x))))


class Depthwise(nn.Module):
    """Widen, a 5 x 5 convolution of each channel alone, narrow (Sandler et al., CVPR 2018)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        wide = 4 * before
        self.widen = _convolution(before, wide, 1)
        self.each = _convolution(wide, wide, 5, stride, groups=wide)
        self.narrow = _convolution(wide, after, 1)
        self.carried = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(functional.relu(self.each(functional.relu(self.widen(x)))))
        return x + y if self.carried else y


class Reparameterised(nn.Module):
    """3 x 3, 1 x 1 and identity side by side, which become one 3 x 3 after training (Ding et al., CVPR
    2021)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.square = _convolution(before, after, 3, stride)
        self.point = _convolution(before, after, 1, stride)
        self.same = nn.BatchNorm2d(before) if stride == 1 and before == after else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.square(x) + self.point(x)
        return functional.relu(y if self.same is None else y + self.same(x))

    def merged(self) -> nn.Sequential:
        """One convolution and its rectifier that give the same in evaluation mode."""
        weight, bias = _folded(self.square)
        point, point_bias = _folded(self.point)
        weight, bias = weight + functional.pad(point, (1, 1, 1, 1)), bias + point_bias
        if self.same is not None:
            channels = self.same.num_features
            identity = torch.zeros(channels, channels, 3, 3)
            identity[range(channels), range(channels), 1, 1] = 1
            scale, shift = _scale_and_shift(self.same)
            weight, bias = weight + identity * scale[:, None, None, None], bias + shift
        old = self.square[0]
        assert isinstance(old, nn.Conv2d)
        convolution = nn.Conv2d(old.in_channels, old.out_channels, 3, old.stride[0], 1)
        convolution.weight.data, convolution.bias = weight.detach(), nn.Parameter(bias.detach())
        return nn.Sequential(convolution, nn.ReLU())


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    # y = (x - mean) / sqrt(var + eps) * weight + bias = scale x + shift
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _folded(pair: nn.Sequential) -> tuple[Tensor, Tensor]:
    convolution, norm = pair[0], pair[1]
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    scale, shift = _scale_and_shift(norm)
    return convolution.weight * scale[:, None, None, None], shift


_BLOCKS: dict[str, type[nn.Module]] = {
    "residual": Residual,
    "depthwise": Depthwise,
    "reparameterised": Reparameterised,
}


class PoseNet(nn.Module):
    """Crop to pose: `forward` takes uint8 n x size x size x 3 (BGR) and gives a Prediction."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.size_px = config.size_px
        block = _BLOCKS[config.block]
        stages: list[nn.Module] = [
            _convolution(3, config.widths[0], config.stem_px, config.stem_stride),
            nn.ReLU(),
        ]
        before, stride = config.widths[0], config.stem_stride
        for number, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for index in range(blocks):
                step = 2 if index == 0 and number > 0 else 1
                stages.append(block(before, width, step))
                before, stride = width, stride * step
        self.trunk = nn.Sequential(*stages)
        side = math.ceil(config.size_px / stride)
        # Where a feature lies tells position and scale, so the map is flattened rather than averaged.
        self.squeeze = nn.Sequential(_convolution(before, config.squeezed, 1), nn.ReLU())
        self.hidden = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(config.squeezed * side * side, config.hidden),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(),
        )
        self.pose = nn.Linear(config.hidden, 6 + 3)
        # Only reads what the trunk has learned for the pose.
        last = nn.Linear(64, 1)
        nn.init.constant_(last.bias, math.log(_USUAL_ERROR_DEG))
        self.error = nn.Sequential(nn.Linear(config.hidden, 64), nn.ReLU(), last)
        self.landmarks = nn.Linear(config.hidden, 2 * 68)
        self._start_near_the_mean()

    def _start_near_the_mean(self) -> None:
        nn.init.normal_(self.pose.weight, std=0.01)
        with torch.no_grad():
            # The first two columns of the identity, the middle of the crop, a usual size.
            self.pose.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 0, 0]))

    def forward(self, image: Tensor) -> Prediction:
        x = (image.permute(0, 3, 1, 2).float() - 127.5) / 64
        x = x.contiguous(memory_format=torch.channels_last) if self.training else x
        features = self.hidden(self.squeeze(self.trunk(x)))
        numbers = self.pose(features).float()
        return Prediction(
            _rotation(numbers[:, :6]),
            _translation(numbers[:, 6:9]),
            self.error(features.detach()).float()[:, 0],
            self.landmarks(features).float().reshape(-1, 68, 2),
        )


def _rotation(numbers: Tensor) -> Tensor:
    """Two columns made orthonormal, and their product as the third (Zhou et al., CVPR 2019)."""
    x = functional.normalize(numbers[:, :3], dim=1)
    y = numbers[:, 3:]
    y = functional.normalize(y - (x * y).sum(dim=1, keepdim=True) * x, dim=1)
    z = torch.stack(
        [
            x[:, 1] * y[:, 2] - x[:, 2] * y[:, 1],
            x[:, 2] * y[:, 0] - x[:, 0] * y[:, 2],
            x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0],
        ],
        dim=1,
    )
    return torch.stack([x, y, z], dim=2)


_USUAL_ERROR_DEG = 8.0
_USUAL_SCALE = 0.93
"""Pixels of the 227 px crop a millimetre: the median of faces in the boxes of a detector."""


def _translation(numbers: Tensor) -> Tensor:
    """From where the head's origin is seen (in half sides from the middle) and the logarithm of its scale."""
    place_px = REFERENCE_PX / 2 * (1 + numbers[:, :2])
    # scale = f / Z in pixels a millimetre
    depth = FOCAL_PX / _USUAL_SCALE * torch.exp(-numbers[:, 2:3])
    return torch.cat([(place_px - PRINCIPAL_PX) / FOCAL_PX * depth, depth], dim=1)


def merge(network: PoseNet) -> PoseNet:
    """Replaces re-parameterised blocks by the one convolution that they amount to; in place."""
    network.eval()
    for index, block in enumerate(network.trunk):
        if isinstance(block, Reparameterised):
            network.trunk[index] = block.merged()
    return network
