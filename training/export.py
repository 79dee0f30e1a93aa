"""From a trained network to the file that the package runs, checked against what was trained."""

import csv
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from fpn_core.camera import FPN_227
from fpn_core.metadata import NetworkSpec, write_metadata
from fpn_core.precision import write_8_bit
from pipeline.evaluate.risk_coverage import Doubt, doubt_of
from pipeline.evaluate.scores import WIDE_DEG
from training.config import TrainingConfig
from training.dataset import Batch, Faces, load_faces, plain_batch, split
from training.loop import check_batches
from training.loss import geodesic
from training.network import PoseNet, merge
from training.provenance import add_provenance
from training.start import CHECKPOINT

HALVED_BY_DEG = 10.0
"""confidence = 2^(-expected error / this): 1 for none, a half for so many degrees."""
HELD_OUT = "held_out.csv"
"""Expected and real errors of the faces that a run has held out."""
_TOLERANCE = 1e-4
_OPSET = 17
_INT8_CROPS = 512
_LICENCE = "MIT; Copyright (c) 2026 the faceposenet authors; CARD.md names the training photos"


class ExportError(RuntimeError):
    """An exported file that does not give what the network gives."""


@dataclass(frozen=True)
class Calibration:
    """expected error in degrees = exp(offset + slope * log_error), at most 180; fitted to held-out faces."""

    offset: float
    slope: float

    def __call__(self, log_error: Tensor) -> Tensor:
        return torch.exp(self.offset + self.slope * log_error).clamp_max(180.0)


class _Exported(nn.Module):
    """What the file holds: the pose, and the confidence made of the expected error."""

    def __init__(self, network: PoseNet, calibration: Calibration) -> None:
        super().__init__()
        self.network, self.calibration = network, calibration

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        predicted = self.network(image)
        expected = self.calibration(predicted.log_error)
        return (
            predicted.rotation,
            predicted.translation_mm,
            torch.exp(-math.log(2) / HALVED_BY_DEG * expected),
        )


class HeldOut(NamedTuple):
    """For every face that was held out the logarithm of the error that the network expects, the error, and
    the yaw of its label."""

    log_expected: Tensor
    error_deg: Tensor
    yaw_deg: Tensor


@torch.no_grad()
def held_out_errors(network: PoseNet, batches: list[Batch]) -> HeldOut:
    """What a network expects of itself on faces, and what it is wrong by."""
    network.eval()
    found = []
    for batch in batches:
        predicted = network(batch["image"])
        error = geodesic(predicted.rotation, batch["rotation"])
        # yaw = -asin(R[2, 0]), whatever the roll
        yaw = -torch.asin(batch["rotation"][:, 2, 0].clamp(-1, 1))
        found.append((predicted.log_error, torch.rad2deg(error), torch.rad2deg(yaw)))
    return HeldOut(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def calibrate(told: Tensor, errors_deg: Tensor) -> Calibration:
    """Fits the expected error to the errors that held-out faces have: the most likely exponential
    distributions, by Newton's method.

    Raises ExportError for fewer than 100 faces, which do not show how errors are spread.
    """
    if len(errors_deg) < 100:
        raise ExportError(f"{len(errors_deg)} held-out faces; expected 100 or more: raise loop.held_out")
    x, e = told.double(), errors_deg.double()
    design = torch.stack([torch.ones_like(x), x], dim=1)
    # -log likelihood = sum(z + e exp(-z)) with z = offset + slope x, convex in both; and (slope - 1)^2 / 2,
    # which decides where the network tells faces apart by nothing.
    solution = torch.tensor([0.0, 1.0], dtype=torch.float64)
    trust = torch.tensor([[0.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    for _ in range(50):
        share = e * torch.exp(-(design @ solution))
        gradient = design.T @ (1 - share) + trust @ (solution - 1)
        curvature = design.T @ (share[:, None] * design) + trust
        solution = solution - torch.linalg.solve(curvature, gradient).clamp(-1, 1)
    return Calibration(float(solution[0]), float(solution[1]))


@dataclass(frozen=True)
class Exported:
    """What an export found. `doubt`: whether the confidence knows of the errors of held-out faces;
    `doubt_wide`: of those that are turned by more than 30 degrees."""

    calibration: Calibration
    difference: float
    doubt: Doubt | None
    doubt_wide: Doubt | None


def export_run(config: TrainingConfig, out: Path, destination: Path, int8: Path | None = None) -> Exported:
    """Exports the averaged weights of the last checkpoint in `out`, with a confidence calibrated on the
    faces that the run has held out; to `int8` also a copy in 8-bit integers, whose ranges are those of
    training faces. Writes what it expects of held-out faces, and their errors, to `held_out.csv` in `out`.

    Raises ExportError where there is no checkpoint.
    """
    source = out / CHECKPOINT
    if not source.is_file():
        raise ExportError(f"there is no {source}; expected the folder of a run of `python -m training train`")
    network = PoseNet(config.network)
    network.load_state_dict(torch.load(source, map_location="cpu", weights_only=True)["average"])
    faces, watched = split(load_faces(config.data), config.loop.held_out)
    held_out = held_out_errors(network, check_batches(watched, config))
    calibration = calibrate(held_out.log_expected, held_out.error_deg)
    expected, errors, yaw = (
        part.numpy().astype(np.float64)
        for part in (calibration(held_out.log_expected), held_out.error_deg, held_out.yaw_deg)
    )
    with (out / HELD_OUT).open("w", newline="") as file:
        header = ("expected_deg", "error_deg", "yaw_deg")
        csv.writer(file).writerows([header, *zip(expected, errors, yaw, strict=True)])
    no_landmarks, wide = np.full(len(errors), np.nan), np.abs(yaw) > WIDE_DEG
    exported = Exported(
        calibration,
        export(network, calibration, config, destination),
        doubt_of(-expected, errors, no_landmarks),
        doubt_of(-expected[wide], errors[wide], no_landmarks[wide]),
    )
    if int8 is not None:
        write_8_bit(destination, int8, _typical_crops(faces, config))
        add_provenance(int8, out)
    add_provenance(destination, out)
    return exported


def _typical_crops(faces: Faces, config: TrainingConfig) -> UInt8[np.ndarray, "n s s 3"]:
    rows = np.random.default_rng(config.loop.seed).permutation(len(faces))[:_INT8_CROPS]
    return np.asarray(plain_batch(faces, rows, config.network.window)["image"].numpy())


def export(network: PoseNet, calibration: Calibration, config: TrainingConfig, destination: Path) -> float:
    """Writes the ONNX file; returns the largest difference between it and the network over random crops, as a
    share of each output's largest value.

    Raises ExportError where that is above 1e-4.
    """
    wrapped = _Exported(merge(network.cpu()), calibration).eval()
    size = config.network.size_px
    crops = np.random.default_rng(0).integers(0, 256, (8, size, size, 3), np.uint8)
    with warnings.catch_warnings():
        # The exporter warns of its own future.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            wrapped,
            (torch.from_numpy(crops[:1]),),
            str(destination),
            input_names=["image"],
            output_names=["rotation", "translation_mm", "confidence"],
            dynamic_axes={name: {0: "n"} for name in ("image", "rotation", "translation_mm", "confidence")},
            opset_version=_OPSET,
            dynamo=False,
        )
    write_metadata(destination, destination, _spec(config))
    return _largest_difference(wrapped, destination, crops)


def _largest_difference(wrapped: _Exported, destination: Path, crops: UInt8[np.ndarray, "n s s 3"]) -> float:
    session = onnxruntime.InferenceSession(str(destination), providers=["CPUExecutionProvider"])
    given = session.run(None, {"image": crops})
    with torch.no_grad():
        wanted = wrapped(torch.from_numpy(crops))
    shares = [
        np.abs(one - other.numpy()).max() / np.abs(other.numpy()).max()
        for one, other in zip(given, wanted, strict=True)
    ]
    largest = float(max(shares))
    if not largest <= _TOLERANCE:
        raise ExportError(
            f"{destination} differs from the network by {largest:.1e} of an output's range; expected at most"
            f" {_TOLERANCE:.0e}. Is this ONNX Runtime older than the operators of opset {_OPSET}?"
        )
    return largest


def _spec(config: TrainingConfig) -> NetworkSpec:
    return NetworkSpec(
        name=config.name,
        licence=_LICENCE,
        input_name="image",
        layout="NHWC",
        channels="BGR",
        size_px=config.network.size_px,
        normalisation=None,
        crop_expand=config.network.crop_expand,
        crop_interpolation="area",
        rotation_output="rotation",
        rotation_form="matrix",
        translation_output="translation_mm",
        translation_form="tvec_mm",
        camera=FPN_227,
        confidence_output="confidence",
    )
