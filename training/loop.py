"""The training run: steps, checkpoints, and a record of how it goes."""

import copy
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from render_core.heads import load_head
from training.config import TrainingConfig
from training.dataset import Batch, Batches, Faces, load_faces, make_batch, split
from training.loss import Parts, cosine_rate, geodesic, pose_loss
from training.network import PoseNet
from training.provenance import write_provenance
from training.start import CHECKPOINT, load_start
from training.teacher import teach

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
RECORD = "record.csv"
_CHECK_SEED = 7
_CHECK_BATCH = 128
_MOST_CHECKED = 1024


@dataclass
class _State:
    """Everything that a checkpoint holds."""

    network: PoseNet
    average: PoseNet
    optimiser: torch.optim.Optimizer
    step: int

    def dump(self) -> dict[str, object]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }


def keep_opencv_single() -> None:
    """A process that is forked while OpenCV has threads waits for them for ever: workers are."""
    cv2.setNumThreads(0)


def run(config: TrainingConfig, out: Path) -> PoseNet:
    """Trains on the configured faces but for those held out; see `train`."""
    keep_opencv_single()
    out.mkdir(parents=True, exist_ok=True)
    write_provenance(config, out)
    faces, watched = split(load_faces(config.data), config.loop.held_out)
    if config.teacher is not None:
        faces = teach(faces, config.teacher)
    return train(config, out, faces, watched)


def train(config: TrainingConfig, out: Path, faces: Faces, watched: Faces) -> PoseNet:
    """Trains, or goes on with what is in `out`, and returns the network of averaged weights.

    On one device, the same settings and seed give the same weights, however often the run was stopped.
    """
    keep_opencv_single()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.loop.seed)
    torch.set_num_threads(config.loop.threads)
    state = _begin(config, out)
    head_mm = torch.from_numpy(np.asarray(load_head().landmarks_mm, np.float32)).to(DEVICE)
    checks = check_batches(watched, config)
    print(
        f"{len(faces):,} faces to train with, {len(watched):,} to watch with; from step {state.step:,} on"
        f" {DEVICE}, where the watched error is {measure(state.average, checks)[0]:.2f} degrees"
    )
    started, first = time.monotonic(), state.step
    sums: list[Tensor] = []
    for batch in _stream(faces, config, state.step):
        sums.append(_step(state, batch, head_mm, config))
        state.step += 1
        if state.step % config.loop.check_every == 0 or state.step == config.loop.last_step:
            rate = (state.step - first) * config.loop.batch / (time.monotonic() - started)
            _record(out, state.step, torch.stack(sums).mean(dim=0), measure(state.average, checks), rate)
            sums.clear()
            _save(state, out)
    return state.average.eval()


def _begin(config: TrainingConfig, out: Path) -> _State:
    network = PoseNet(config.network)
    source = out / CHECKPOINT
    goes_on = source.is_file()
    if config.loop.start_from is not None and not goes_on:
        load_start(network, config.loop.start_from)
    network.to(DEVICE, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    average = copy.deepcopy(network)
    # Weight decay on what multiplies; biases and norms keep their size.
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.loop.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=config.loop.learning_rate)
    begun = _State(network, average, optimiser, 0)
    if goes_on:
        state = torch.load(source, map_location=DEVICE, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        begun.step = state["step"]
    return begun


def _stream(faces: Faces, config: TrainingConfig, first: int) -> Iterator[Batch]:
    loader = DataLoader(
        Batches(faces, config, first),
        batch_size=None,
        num_workers=config.loop.workers,
        prefetch_factor=8 if config.loop.workers else None,
    )
    return iter(loader)


def _step(state: _State, batch: Batch, head_mm: Tensor, config: TrainingConfig) -> Tensor:
    """One step of the optimiser; the parts of the loss."""
    loop = config.loop
    # Dropout draws from here: a run that goes on draws what it would have drawn.
    torch.manual_seed(loop.seed + state.step)
    for group in state.optimiser.param_groups:
        group["lr"] = loop.learning_rate * cosine_rate(state.step, loop.steps, loop.warmup_steps)
    state.network.train()
    if loop.fixed_norms:
        fix_norms(state.network)
    parts = _loss(state.network, batch, head_mm, config)
    state.optimiser.zero_grad(set_to_none=True)
    parts.total.backward()  # type: ignore[no-untyped-call]  # torch's own
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
    state.optimiser.step()
    _follow(state.average, state.network, min(loop.average_decay, (1 + state.step) / (10 + state.step)))
    return torch.stack(parts).detach()


@cache
def multiplies_in_bfloat16() -> bool:
    """Whether the device has instructions for it. A processor without them does the same ten times slower
    than in 32 bits."""
    if DEVICE.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch's own
        return False
    # torch has no public name for what oneDNN says of the processor.
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def fix_norms(network: PoseNet) -> None:
    """Norms in evaluation mode, the rest as it is."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eval()


def _loss(network: PoseNet, batch: Batch, head_mm: Tensor, config: TrainingConfig) -> Parts:
    sixteen = multiplies_in_bfloat16() if config.loop.bfloat16 is None else config.loop.bfloat16
    with torch.autocast(DEVICE.type, torch.bfloat16, enabled=sixteen):
        predicted = network(batch["image"].to(DEVICE))
    return pose_loss(
        predicted,
        batch["rotation"].to(DEVICE),
        batch["landmarks"].to(DEVICE),
        batch["mirrored"].to(DEVICE),
        head_mm,
        config.loss,
    )


@torch.no_grad()
def _follow(average: PoseNet, network: PoseNet, decay: float) -> None:
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def check_batches(faces: Faces, config: TrainingConfig) -> list[Batch]:
    """Held-out faces, augmented the same way every time."""
    rng = np.random.default_rng(_CHECK_SEED)
    rows = rng.permutation(len(faces))[:_MOST_CHECKED]
    parts = [rows[start : start + _CHECK_BATCH] for start in range(0, len(rows), _CHECK_BATCH)]
    return [make_batch(faces, part, config, rng) for part in parts]


@torch.no_grad()
def measure(network: PoseNet, batches: list[Batch]) -> tuple[float, float]:
    """Mean and median rotation error in degrees over batches."""
    network.eval()
    errors = [
        geodesic(network(batch["image"].to(DEVICE)).rotation, batch["rotation"].to(DEVICE))
        for batch in batches
    ]
    degrees = torch.rad2deg(torch.cat(errors)) if errors else torch.zeros(1)
    return float(degrees.mean()), float(degrees.median())


def _record(out: Path, step: int, parts: Tensor, checked: tuple[float, float], rate: float) -> None:
    """A line on the screen and one in record.csv."""
    names = [f"train_{name}" for name in Parts._fields]
    values = dict(zip(names, parts.tolist(), strict=True))
    row = {
        "step": step,
        **values,
        "watched_mean_deg": checked[0],
        "watched_median_deg": checked[1],
        "rate": rate,
    }
    print(" ".join(f"{name}={value:.4g}" for name, value in row.items()), flush=True)
    target = out / RECORD
    fresh = not target.is_file()
    with target.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def _save(state: _State, out: Path) -> None:
    """In one move, so that a run that is killed while saving has the last checkpoint."""
    waiting = out / (CHECKPOINT + ".new")
    torch.save(state.dump(), waiting)
    waiting.replace(out / CHECKPOINT)
