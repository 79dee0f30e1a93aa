"""Embeddings of faces by alignment, kept on disk so that scoring again costs nothing."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy.typing import NDArray

from faceposenet.detector import FaceDetector
from fpn_core import valid_boxes
from pipeline.columns.network import FaceNetwork
from pipeline.evaluate.recognition.alignments import Aligner, Alignment, Posed
from pipeline.evaluate.recognition.conditions import Condition, spoil
from pipeline.evaluate.recognition.pairs import FaceImage
from pipeline.manifest.build.find import ALIGNED_XYWH

_BATCH = 64
# Raised with every change of what crops are made of.
_VERSION = 2


@dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings of n faces in one alignment; rows of NaN where there is no photo.

    Attributes:
        vectors: of norm 1 where the network's distance is the cosine.
        fallback: True where the alignment has no crop of the face (nothing detected, no pose), so that the
            box gave it.
        yaw_deg: of the network's pose, NaN where there is none.
    """

    vectors: Float32[np.ndarray, "n d"]
    fallback: Bool[np.ndarray, " n"]
    yaw_deg: Float64[np.ndarray, " n"]


@dataclass(frozen=True)
class Boxes:
    """Where boxes come from that the pairs do not have: `detector` or a rule, `whole` or `aligned`."""

    detector: FaceDetector | None
    rule: str | None

    def find(self, face: FaceImage, photo: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """Returns the box of a face, or None."""
        height, width = photo.shape[:2]
        if face.box_xywh_px is not None:
            return face.box_xywh_px if valid_boxes(face.box_xywh_px[None])[0] else None
        if self.rule == "aligned":
            return np.asarray(ALIGNED_XYWH * [width, height, width, height])
        if self.rule == "whole":
            return np.array([0.0, 0.0, width, height])
        if self.detector is None:
            return None
        found = self.detector.detect(photo)
        return found.boxes_xywh_px[found.boxes_xywh_px[:, 2:].prod(axis=1).argmax()] if len(found) else None


def embed(
    faces: Sequence[FaceImage],
    wanted: Sequence[int],
    alignments: Sequence[Alignment],
    condition: Condition,
    aligner: Aligner,
    network: FaceNetwork,
    boxes: Boxes,
    advance: Callable[[int], object] = lambda faces: None,
) -> dict[Alignment, Embedded]:
    """Embeds faces in every alignment; photos are read once.

    Args:
        faces: all of the pairs.
        wanted: places of those to embed; the others get rows of NaN.
        alignments: which.
        condition: how photos are made worse first.
        aligner: makes the crops.
        network: embeds them.
        boxes: boxes of faces without.
        advance: is called with the number of faces done since.
    """
    n = len(faces)
    vectors = {name: np.full((n, network.width), np.nan, np.float32) for name in alignments}
    fallback = {name: np.zeros(n, bool) for name in alignments}
    yaw_deg = np.full(n, np.nan)
    for at in range(0, len(wanted), _BATCH):
        batch = wanted[at : at + _BATCH]
        rows, photos, found = _read(faces, batch, condition, boxes)
        if rows:
            posed = aligner.poses(photos, np.stack(found))
            yaw_deg[rows] = [pose.yaw_deg for pose in posed]
            for name in alignments:
                crops = [_crops(aligner, name, *each) for each in zip(photos, found, posed, strict=True)]
                fallback[name][rows] = [fell_back for _, fell_back in crops]
                vectors[name][rows] = _averaged(network, [made for made, _ in crops])
        advance(len(batch))
    return {name: Embedded(vectors[name], fallback[name], yaw_deg) for name in alignments}


def _read(
    faces: Sequence[FaceImage], batch: Sequence[int], condition: Condition, boxes: Boxes
) -> tuple[list[int], list[NDArray[np.uint8]], list[NDArray[np.float64]]]:
    rows, photos, found = [], [], []
    for row in batch:
        photo = faces[row].read_photo()
        box = None if photo is None else boxes.find(faces[row], photo)
        if photo is not None and box is not None:
            worse, its_box = spoil(condition, photo, box, row)
            rows.append(row)
            photos.append(worse)
            found.append(its_box)
    return rows, photos, found


def _crops(
    aligner: Aligner,
    alignment: Alignment,
    photo: NDArray[np.uint8],
    box_xywh_px: NDArray[np.float64],
    posed: Posed,
) -> tuple[list[NDArray[np.uint8]], bool]:
    """The crops of a face, and whether they had to be made by its box."""
    crops = aligner.crops(alignment, photo, box_xywh_px, posed)
    return ([aligner.by_box(photo, box_xywh_px)], True) if crops is None else (crops, False)


def _averaged(
    network: FaceNetwork, crops: Sequence[Sequence[NDArray[np.uint8]]]
) -> Float32[np.ndarray, "n d"]:
    """The mean embedding of each face's crops."""
    counts = [len(each) for each in crops]
    vectors = network(np.stack([crop for each in crops for crop in each]))
    cosine = network.description.distance == "cosine"
    vectors = normalised(vectors) if cosine else vectors
    sums = np.add.reduceat(vectors, np.cumsum([0, *counts[:-1]]))
    means = (sums / np.array(counts, np.float32)[:, None]).astype(np.float32)
    return normalised(means) if cosine else means


def normalised(vectors: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """Vectors of norm 1; a vector of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, np.finfo(np.float32).tiny), dtype=np.float32)


class Kept:
    """Embeddings in a folder, each file named after all that it depends on.

    Args:
        folder: where they are kept; None keeps nothing.
        common: what all of them depend on.
    """

    def __init__(self, folder: Path | None, common: dict[str, Any]) -> None:
        self._folder = folder
        self._common = common

    def _path(self, alignment: Alignment, condition: Condition) -> Path | None:
        if self._folder is None:
            return None
        key = {**self._common, "alignment": alignment, "condition": condition, "version": _VERSION}
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._folder / f"embeddings-{digest[:16]}.npz"

    def read(self, alignment: Alignment, condition: Condition) -> Embedded | None:
        """Returns what is there."""
        path = self._path(alignment, condition)
        if path is None or not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return Embedded(arrays["vectors"], arrays["fallback"], arrays["yaw_deg"])

    def write(self, alignment: Alignment, condition: Condition, embedded: Embedded) -> None:
        """Keeps embeddings."""
        path = self._path(alignment, condition)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, vectors=embedded.vectors, fallback=embedded.fallback, yaw_deg=embedded.yaw_deg)


def digest_of_faces(faces: Iterable[FaceImage]) -> str:
    """Identity of faces: names, boxes, and the bytes or size and time of their photos."""
    digest = hashlib.sha256()
    for face in faces:
        if isinstance(face.image, bytes):
            photo = hashlib.sha256(face.image).hexdigest()
        else:
            state = face.image.stat() if face.image.is_file() else None
            photo = "missing" if state is None else f"{face.image} {state.st_size} {state.st_mtime_ns}"
        box = None if face.box_xywh_px is None else face.box_xywh_px.tolist()
        digest.update(json.dumps([face.name, photo, box]).encode())
    return digest.hexdigest()
