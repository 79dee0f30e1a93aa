"""Faces with their poses, and the stream of training batches, which a seed and a step number decide alone."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.utils.data import IterableDataset

from fpn_core import matrix_to_ypr_deg, nearest_rotation
from render_core.heads import load_head
from training.augmentation import Example, augment
from training.config import DataConfig, TrainingConfig
from training.crops import SIDE_PX, Crops, TrainingDataError, joined, read_crops, read_labels
from training.geometry import Window, fit_translation, nearest_where_known, scaled_camera
from training.points import fit_poses, measure_points

_YAW_EDGES_DEG = (0, 10, 20, 30, 45, 60, 75, 181)
_PITCH_EDGES_DEG = (-91, -25, -12, 0, 12, 25, 91)


@dataclass(frozen=True, eq=False)
class Faces:
    """Crops with a pose each, in the camera "fpn-227" on the whole crop.

    `weight`: how often a face is drawn, against the others.
    """

    crops: Crops
    rotation: Float[np.ndarray, "n 3 3"]
    tvec_mm: Float[np.ndarray, "n 3"]
    weight: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, rows: Int64[np.ndarray, " k"]) -> "Faces":
        return Faces(self.crops[rows], self.rotation[rows], self.tvec_mm[rows], self.weight[rows])


def load_faces(sets: list[DataConfig]) -> Faces:
    """The faces of all training sets; ones whose pose cannot be found are left out."""
    parts = [_pose(config) for config in sets]
    return Faces(
        joined([part.crops for part in parts]),
        np.concatenate([part.rotation for part in parts]),
        np.concatenate([part.tvec_mm for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _pose(config: DataConfig) -> Faces:
    crops = read_crops(config.folder, config.table, config.rotations, config.sources)
    head_mm = load_head().landmarks_mm
    rotation = crops.rotation
    if config.rotation != "label":
        points_mm = head_mm if config.points_of is None else points_of(config.points_of)
        fitted = fit_poses(crops.landmarks_px, points_mm, contour=config.contour).rotation
        # The rotation half way between two: the nearest to their mean.
        rotation = fitted if config.rotation == "landmarks" else nearest_where_known((fitted + rotation) / 2)
    if config.head_frame:
        rotation = rotation @ mean_turn(rotation, fit_poses(crops.landmarks_px, head_mm).rotation)
    tvec_mm = fit_translation(rotation, crops.landmarks_px, head_mm, scaled_camera(SIDE_PX))
    good = np.isfinite(rotation).all(axis=(1, 2)) & np.isfinite(tvec_mm).all(axis=1)
    if config.largest_spread_deg is not None:
        # A face without a spread has one estimator, which nothing speaks against.
        good &= ~(crops.spread_deg > config.largest_spread_deg)
    if not good.any():
        raise TrainingDataError(f"{config.folder / config.table} has no face with a pose that can be used")
    found = Faces(crops, rotation, tvec_mm, np.zeros(len(crops)))[np.flatnonzero(good)]
    weight = _balanced(found.rotation)
    if config.halved_by_spread_deg is not None:
        spread = np.nan_to_num(found.crops.spread_deg) / config.halved_by_spread_deg
        weight = weight / (1 + spread**2)
    return replace(found, weight=weight * config.share / weight.sum())


@lru_cache
def points_of(folder: Path) -> Float[np.ndarray, "68 3"]:
    """The 68 points in mm measured over a training set, all bins of yaw and pitch heard."""
    labels = read_labels(folder)
    return measure_points(labels.landmarks_px, labels.rotation, _balanced(labels.rotation))


def mean_turn(one: Float[np.ndarray, "n 3 3"], other: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation T of the head's frame that brings `one` T closest to `other`, all bins of pose heard.

    Estimators of pose disagree by a few degrees on which way a head looks straight ahead.
    """
    known = np.isfinite(one).all(axis=(1, 2)) & np.isfinite(other).all(axis=(1, 2))
    turns = np.swapaxes(one[known], 1, 2) @ other[known]
    mean = np.average(turns, axis=0, weights=_balanced(one[known]))
    return np.asarray(nearest_rotation(mean[None])[0])


def _balanced(rotation: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, " n"]:
    """Weights that draw rare poses more often: the root of what would make all bins equal."""
    yaw, pitch, _ = matrix_to_ypr_deg(rotation).T
    bins = np.digitize(np.abs(yaw), _YAW_EDGES_DEG) * len(_PITCH_EDGES_DEG) + np.digitize(
        pitch, _PITCH_EDGES_DEG
    )
    _, number, count = np.unique(bins, return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(count[number]))


def split(faces: Faces, held_out: float) -> tuple[Faces, Faces]:
    """Faces to train with, and ones to watch with: by a hash of the group's name, so that all photos of
    a person whose name is known, and views rendered from a photo, go together."""
    shares = np.array([_share(group) for group in faces.crops.groups])
    return faces[np.flatnonzero(shares >= held_out)], faces[np.flatnonzero(shares < held_out)]


def _share(group: str) -> float:
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32


class Batch(dict[str, Tensor]):
    """`image` uint8 n x s x s x 3; `rotation` n x 3 x 3, `translation_mm` n x 3; `landmarks` n x 68 x 2 in
    pixels of the reference crop (227); `mirrored` bool n: pixels and labels are those of the mirrored
    photo."""


class Batches(IterableDataset[Batch]):
    """The batches from step `first` on. Every batch has its own random numbers, made of seed and step, so
    that neither workers nor a resumed run change what is drawn. With `loop.pairs`, rows 2 k and 2 k + 1 of a
    batch are one face."""

    def __init__(self, faces: Faces, config: TrainingConfig, first: int) -> None:
        self._faces, self._config, self._first = faces, config, first

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        loop = self._config.loop
        chances = np.cumsum(self._faces.weight / self._faces.weight.sum())
        for step in range(self._first + number, loop.last_step, workers):
            rng = np.random.default_rng([loop.seed, step])
            drawn = rng.random(loop.batch // 2 if loop.pairs else loop.batch)
            rows = np.minimum(np.searchsorted(chances, drawn), len(self._faces) - 1)
            yield make_batch(self._faces, np.repeat(rows, loop.batch // len(rows)), self._config, rng)


def make_batch(
    faces: Faces, rows: Int64[np.ndarray, " k"], config: TrainingConfig, rng: np.random.Generator
) -> Batch:
    """Augmented faces of these rows."""
    window = config.network.window
    examples = [
        augment(example(faces, int(row)), faces.crops.images, window, config.augmentation, rng)
        for row in rows
    ]
    return collate(examples)


def plain_batch(faces: Faces, rows: Int64[np.ndarray, " k"], window: Window) -> Batch:
    """The same faces as a job would see them: the window of their box, nothing changed."""
    return collate(
        [augment(example(faces, int(row)), faces.crops.images, window, None, None) for row in rows]
    )


def example(faces: Faces, row: int) -> Example:
    """One face with its labels."""
    crops = faces.crops
    image: UInt8[np.ndarray, "s s 3"] = crops.images[row]
    return Example(
        image, faces.rotation[row], faces.tvec_mm[row], crops.landmarks_px[row], crops.photo_xyxy_px[row]
    )


def collate(examples: list[Example]) -> Batch:
    """Examples as the tensors of one batch."""
    return Batch(
        image=torch.from_numpy(np.stack([example.image for example in examples])),
        rotation=torch.from_numpy(np.stack([example.rotation for example in examples]).astype(np.float32)),
        translation_mm=torch.from_numpy(
            np.stack([example.tvec_mm for example in examples]).astype(np.float32)
        ),
        landmarks=torch.from_numpy(
            np.stack([example.landmarks_px for example in examples]).astype(np.float32)
        ),
        mirrored=torch.tensor([example.mirrored for example in examples]),
    )
