"""The training set on disk: folders of tars of face crops, and one table of labels.

`crops-NNN.tar` hold square JPEGs named `<id>.jpg`. The face's box (square, side = the longer side of a
detector's box) is centred; its side is the crop's divided by CROP_TO_BOX. Outside the photo is black.
`crops-labels.parquet` has a row a face: `id`, `shard`, `source`, `landmarks` (x, y of the 68 points of 300-W
in pixels of the crop), `rotation` (9 numbers, row by row, head to camera) and its angles.
"""

import io
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, UInt8

from fpn_core import matrix_to_ypr_deg

CROP_TO_BOX = 2.1
SIDE_PX = 160
BOX_SIDE_PX = SIDE_PX / CROP_TO_BOX
LABELS = "crops-labels.parquet"
_JPEG_QUALITY = 95


class TrainingDataError(ValueError):
    """A training set that is not as this module's first lines say."""


class Face(NamedTuple):
    """One face of a training set. `rotation`: head to camera, in the camera "fpn-227" of the crop."""

    face_id: str
    source: str
    image: UInt8[np.ndarray, "s s 3"]
    landmarks_px: Float[np.ndarray, "68 2"]
    rotation: Float[np.ndarray, "3 3"]


@dataclass(frozen=True, eq=False)
class Labels:
    """What the table of a training set says."""

    ids: list[str]
    sources: list[str]
    landmarks_px: Float[np.ndarray, "n 68 2"]
    rotation: Float[np.ndarray, "n 3 3"]


@dataclass(frozen=True, eq=False)
class Crops(Labels):
    """Faces of a training set: BGR crops and labels, in the same order."""

    images: UInt8[np.ndarray, "n side side 3"]

    def __len__(self) -> int:
        return len(self.ids)


def read_labels(folder: Path) -> Labels:
    """The table of a folder. Raises TrainingDataError where there is none."""
    source = folder / LABELS
    if not source.is_file():
        raise TrainingDataError(
            f"there is no {source}; expected a training set as made by `python -m training label` or `render`"
        )
    table = pq.read_table(source, columns=["id", "source", "landmarks", "rotation"])
    return Labels(
        ids=table["id"].to_pylist(),
        sources=table["source"].to_pylist(),
        landmarks_px=_numbers(table["landmarks"]).reshape(-1, 68, 2),
        rotation=_numbers(table["rotation"]).reshape(-1, 3, 3),
    )


def read_crops(folder: Path) -> Crops:
    """All faces of a folder, decoded.

    Raises TrainingDataError for a folder without labels, a label without its crop, or a crop of another size.
    """
    labels = read_labels(folder)
    ids = labels.ids
    images = np.zeros((len(ids), SIDE_PX, SIDE_PX, 3), np.uint8)
    missing = dict(zip(ids, range(len(ids)), strict=True))
    for tar in sorted(folder.glob("crops-*.tar")):
        for name, encoded in _members(tar):
            row = missing.pop(name.removesuffix(".jpg"), None)
            if row is None:
                continue
            image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
            if image is None or image.shape != images.shape[1:]:
                found = "no image" if image is None else f"{image.shape[1]} x {image.shape[0]} px"
                raise TrainingDataError(f"{name} in {tar} is {found}; expected {SIDE_PX} x {SIDE_PX} px")
            images[row] = image
    if missing:
        raise TrainingDataError(
            f"{len(missing)} of {len(ids)} labelled crops are in no tar of {folder}, the first is"
            f" {next(iter(missing))}; expected crops-NNN.tar with a JPEG for each row"
        )
    return Crops(
        ids=ids,
        sources=labels.sources,
        landmarks_px=labels.landmarks_px,
        rotation=labels.rotation,
        images=images,
    )


def _members(tar: Path) -> Iterable[tuple[str, bytes]]:
    with tarfile.open(tar) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def _numbers(column: pa.ChunkedArray) -> Float[np.ndarray, " numbers"]:
    return np.asarray(column.combine_chunks().flatten()).astype(np.float64)


def write_crops(folder: Path, faces: Iterable[Face], faces_per_tar: int = 4000) -> int:
    """Writes faces as a training set; returns how many.

    The table is written last, so that a folder with labels is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    stream = iter(faces)
    for number in count():
        batch = list(islice(stream, faces_per_tar))
        if not batch:
            break
        shard = f"crops-{number:03d}.tar"
        with tarfile.open(folder / shard, "w") as archive:
            for face in batch:
                _add(archive, face)
                rows.append(_row(face, shard))
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), folder / LABELS)
    return len(rows)


def _add(archive: tarfile.TarFile, face: Face) -> None:
    encoded = cv2.imencode(".jpg", face.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    entry = tarfile.TarInfo(f"{face.face_id}.jpg")
    entry.size = len(encoded)
    archive.addfile(entry, io.BytesIO(encoded))


_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("shard", pa.string()),
        ("source", pa.string()),
        ("landmarks", pa.list_(pa.float32(), 136)),
        ("rotation", pa.list_(pa.float32(), 9)),
        ("yaw_deg", pa.float32()),
        ("pitch_deg", pa.float32()),
        ("roll_deg", pa.float32()),
    ]
)


def _row(face: Face, shard: str) -> dict[str, object]:
    yaw, pitch, roll = matrix_to_ypr_deg(np.asarray(face.rotation, np.float64)[None])[0].tolist()
    return {
        "id": face.face_id,
        "shard": shard,
        "source": face.source,
        "landmarks": np.ravel(face.landmarks_px).astype(np.float32).tolist(),
        "rotation": np.ravel(face.rotation).astype(np.float32).tolist(),
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
    }


def joined(parts: Sequence[Crops]) -> Crops:
    """Several training sets as one."""
    return Crops(
        ids=[face for part in parts for face in part.ids],
        sources=[source for part in parts for source in part.sources],
        images=np.concatenate([part.images for part in parts]),
        landmarks_px=np.concatenate([part.landmarks_px for part in parts]),
        rotation=np.concatenate([part.rotation for part in parts]),
    )
