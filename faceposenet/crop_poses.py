"""Poses of a batch of crops, and why some crops have none."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.reasons import Reason
from fpn_core import PoseBatch
from fpn_core.mirror import Network


@dataclass(frozen=True)
class CropPoses:
    """The crops of a batch that have a pose, and the others."""

    index: np.ndarray
    """int64 (m,), ascending: which of the crops have a finite pose in front of the camera."""
    poses: PoseBatch
    """Of these."""
    rejected: dict[int, FaceRejectedError]
    """The other crops, and why they have none."""

    def shifted(self, start: int) -> "CropPoses":
        """The same crops as part of a larger batch, in which the first of them is crop `start`."""
        rejected = {start + i: fault for i, fault in self.rejected.items()}
        return CropPoses(start + self.index, self.poses, rejected)


def pose_crops(network: Network, crops: np.ndarray) -> CropPoses:
    """Poses crops, uint8 (n, s, s, 3), in one call of the network.

    Where the network raises, the batch is halved, down to the crops at fault.
    """
    kept, poses, rejected = [], [], {}
    for start, answer in _answers(network, crops, 0):
        if isinstance(answer, FaceRejectedError):
            rejected[start] = answer
            continue
        good = answer.finite & answer.in_front
        for i in np.flatnonzero(~good).tolist():
            reason = Reason.POSE_BEHIND_CAMERA if answer.finite[i] else Reason.POSE_NOT_FINITE
            detail = f"the network gave translation {answer.tvec_mm[i].tolist()} mm"
            rejected[start + i] = FaceRejectedError(reason, detail)
        kept.append(start + np.flatnonzero(good))
        poses.append(answer[good])
    index = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    return CropPoses(index, _concatenate(poses or [network(crops[:0])]), rejected)


def concatenate_crop_poses(batches: list[CropPoses]) -> CropPoses:
    """Joins the poses of batches whose indices count on from one to the next already."""
    index = np.concatenate([batch.index for batch in batches])
    rejected = {i: fault for batch in batches for i, fault in batch.rejected.items()}
    return CropPoses(index, _concatenate([batch.poses for batch in batches]), rejected)


def _answers(
    network: Network, crops: np.ndarray, start: int
) -> Iterator[tuple[int, PoseBatch | FaceRejectedError]]:
    """What the network says of crops that begin at `start` of the batch, with where each answer begins."""
    count = len(crops)
    if count == 0:
        return
    try:
        answer = network(crops, batch_size=count)
    except Exception as error:  # whatever the runtime raises: only the crop at fault may be rejected
        if count == 1:
            yield start, FaceRejectedError(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
            return
        middle = count // 2
        yield from _answers(network, crops[:middle], start)
        yield from _answers(network, crops[middle:], start + middle)
    else:
        yield start, answer


def _concatenate(batches: list[PoseBatch]) -> PoseBatch:
    confidences = [batch.confidence for batch in batches if batch.confidence is not None]
    return PoseBatch(
        np.concatenate([batch.rotation for batch in batches]),
        np.concatenate([batch.tvec_mm for batch in batches]),
        np.concatenate(confidences) if confidences else None,
    )
