"""Poses of crops and of their mirror images, as the original project uses them, and the mean of both."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from fpn_core.camera import mirror_pose
from fpn_core.metadata import NetworkSpec
from fpn_core.pose import PoseBatch
from fpn_core.rotation import nearest_rotation


@runtime_checkable
class Network(Protocol):
    """What the functions of this module need of a `PoseNetwork`."""

    @property
    def spec(self) -> NetworkSpec: ...

    def __call__(self, crops: UInt8[np.ndarray, "n h w c"], batch_size: int = ...) -> PoseBatch: ...


def poses_with_mirrored(
    network: Network, crops: UInt8[np.ndarray, "n s s 3"], batch_size: int = 128
) -> tuple[PoseBatch, PoseBatch]:
    """Poses the crops, and the crops with their columns reversed, each as seen in its own crop.

    Crop and mirror image go through the network in the same batch, as in the original.

    Args:
        network: the network.
        crops: BGR crops of the network's size.
        batch_size: most images per call, at least 2.

    Returns:
        The poses of the crops, and those of the mirrored crops. Raises what the network raises.

    Example:
        >>> from fpn_core import PoseNetwork
        >>> straight, mirrored = poses_with_mirrored(PoseNetwork(), np.zeros((2, 112, 112, 3), np.uint8))
        >>> len(straight), len(mirrored)
        (2, 2)
    """
    half = max(batch_size // 2, 1)
    both = [
        network(np.concatenate([part, part[:, :, ::-1]]), batch_size=2 * half) for part in _split(crops, half)
    ]
    counts = [len(poses) // 2 for poses in both]
    straight = _join([poses[:n] for poses, n in zip(both, counts, strict=True)])
    mirrored = _join([poses[n:] for poses, n in zip(both, counts, strict=True)])
    return straight, mirrored


def poses_averaged_with_mirrored(
    network: Network, crops: UInt8[np.ndarray, "n s s 3"], batch_size: int = 128
) -> PoseBatch:
    """Averages the poses of the crops and of their mirror images: steadier, for twice the work.

    The rotation is the one nearest to both (chordal mean). Where only one of the two crops has a pose, that
    one is returned.

    Args:
        network: the network.
        crops: BGR crops of the network's size.
        batch_size: most images per call, at least 2.

    Returns:
        One pose per crop. Raises what the network raises.

    Example:
        >>> from fpn_core import PoseNetwork
        >>> len(poses_averaged_with_mirrored(PoseNetwork(), np.zeros((2, 112, 112, 3), np.uint8)))
        2
    """
    straight, mirrored = poses_with_mirrored(network, crops, batch_size)
    back_rotation, back_tvec = mirror_pose(mirrored.rotation, mirrored.tvec_mm, network.spec.camera)
    rotation, tvec_mm = (
        nearest_rotation(straight.rotation + back_rotation),
        (straight.tvec_mm + back_tvec) / 2,
    )
    one, other = straight.finite & ~mirrored.finite, mirrored.finite & ~straight.finite
    for alone, its_rotation, its_tvec in (
        (one, straight.rotation, straight.tvec_mm),
        (other, back_rotation, back_tvec),
    ):
        rotation = np.where(alone[:, None, None], its_rotation, rotation)
        tvec_mm = np.where(alone[:, None], its_tvec, tvec_mm)
    confidence = None
    if straight.confidence is not None and mirrored.confidence is not None:
        confidence = (straight.confidence + mirrored.confidence) / 2
    return PoseBatch(rotation, tvec_mm, confidence)


class MirrorAveraged:
    """A network that returns the mean of another's poses for the crops and for the mirrored crops.

    Args:
        network: the network to ask.

    Attributes:
        spec: what goes in and what comes out, as in that network.

    Example:
        >>> from fpn_core import PoseNetwork
        >>> steady = MirrorAveraged(PoseNetwork())
        >>> len(steady(np.zeros((3, 112, 112, 3), np.uint8)))
        3
    """

    def __init__(self, network: Network) -> None:
        self.spec = network.spec
        self._network = network

    def __call__(self, crops: UInt8[np.ndarray, "n s s 3"], batch_size: int = 128) -> PoseBatch:
        return poses_averaged_with_mirrored(self._network, crops, batch_size)


def _split(crops: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    """Parts of at most `size`, and one empty part of no crops, so that there always is one."""
    return [crops[at : at + size] for at in range(0, max(len(crops), 1), size)]


def _join(batches: Sequence[PoseBatch]) -> PoseBatch:
    confidences = [batch.confidence for batch in batches if batch.confidence is not None]
    return PoseBatch(
        np.concatenate([batch.rotation for batch in batches]),
        np.concatenate([batch.tvec_mm for batch in batches]),
        np.concatenate(confidences) if confidences else None,
    )
