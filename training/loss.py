"""What a pose is wrong by, robust to labels that are wrong themselves."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from training.config import LossConfig
from training.geometry import FOCAL_PX, PRINCIPAL_PX, REFERENCE_PX, counted_points
from training.network import Prediction


class Parts(NamedTuple):
    """The loss and its parts, means over a batch: rotation in radians, the others in sides of the crop."""

    total: Tensor
    rotation: Tensor
    reprojection: Tensor
    landmarks: Tensor
    error: Tensor
    consistency: Tensor


def pose_loss(
    predicted: Prediction,
    rotation: Tensor,
    landmarks_px: Tensor,
    mirrored: Tensor,
    head_mm: Tensor,
    config: LossConfig,
) -> Parts:
    """`rotation` n x 3 x 3, `landmarks_px` n x 68 x 2 in pixels of the reference crop, NaN for points that
    are not known, `mirrored` bool n, `head_mm` 68 x 3.

    All distances count with their first power, so that a face whose label is wrong pulls no harder than
    another.
    """
    angle = geodesic(predicted.rotation, rotation)
    used = counted_points(config.contour)
    projected = project(predicted, head_mm[used])
    reprojection = _distance(projected - landmarks_px[:, used]) / REFERENCE_PX
    landmarks = _distance(predicted.landmarks * REFERENCE_PX - landmarks_px + REFERENCE_PX / 2) / REFERENCE_PX
    # -log of an exponential distribution with this mean: least where it is the mean error.
    degrees = torch.rad2deg(angle.detach())
    error = degrees * torch.exp(-predicted.log_error) + predicted.log_error
    consistency = (
        _consistency(predicted.rotation, rotation, mirrored) if config.consistency else angle.new_zeros(1)
    )
    parts = (angle.mean(), reprojection.mean(), landmarks.mean(), error.mean(), consistency.mean())
    weights = (config.rotation, config.reprojection, config.landmarks, config.error, config.consistency)
    total = torch.stack([weight * part for weight, part in zip(weights, parts, strict=True)]).sum()
    return Parts(total, *parts)


def _consistency(predicted: Tensor, rotation: Tensor, mirrored: Tensor) -> Tensor:
    """Angles in radians between what rows 2 k and 2 k + 1, two crops of one face, are wrong by.

    Errors are turned into the frame of the unmirrored head, where a wrong label is wrong in the same way for
    both and so counts for nothing: what is left is what the crop, and not the face, did to the pose.
    """
    wrong = rotation.transpose(1, 2) @ predicted
    # M E M with M = diag(-1, 1, 1)
    signs = predicted.new_tensor([[1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]])
    wrong = torch.where(mirrored[:, None, None], signs * wrong, wrong)
    return geodesic(wrong[0::2], wrong[1::2])


def geodesic(one: Tensor, other: Tensor) -> Tensor:
    """Angles in radians between rotations n x 3 x 3, with a gradient of length 1 everywhere but at 0."""
    # |A - B|^2 = 8 sin^2(angle / 2) for rotations
    half_sine = (one - other).square().sum(dim=(1, 2)).clamp_min(1e-8).sqrt() / math.sqrt(8)
    return 2 * torch.asin(half_sine.clamp_max(1 - 1e-4))


def project(predicted: Prediction, head_mm: Tensor) -> Tensor:
    """Where points of the head are seen, n x m x 2 in pixels of the reference crop."""
    seen = torch.einsum("nij,mj->nmi", predicted.rotation, head_mm) + predicted.translation_mm[:, None]
    return FOCAL_PX * seen[:, :, :2] / seen[:, :, 2:].clamp_min(100.0) + PRINCIPAL_PX


def _distance(difference_px: Tensor) -> Tensor:
    """Mean length over the points of every face that are known; a pixel is where it starts to count fully."""
    known = difference_px.isfinite().all(dim=2)
    # Before the root, whose gradient would be NaN even where it does not count.
    squared = torch.where(known[:, :, None], difference_px, 0.0).square().sum(dim=2)
    return (torch.sqrt(squared + 1.0) - 1.0).sum(dim=1) / known.sum(dim=1).clamp_min(1)


def cosine_rate(step: int, steps: int, warmup: int) -> float:
    """Share of the learning rate: up in a line, down in half a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
