"""The training set on disk: folders of tars of face crops, and tables of labels.

The tars hold square JPEGs named `<id>.jpg`. The face's box (square, side = the longer side of a detector's
box) is centred; its side is the crop's divided by CROP_TO_BOX. Outside the photo is black.

A table (`crops-labels.parquet` unless the settings name another) has one row per face:

    id, source            names of the face and of where it comes from
    shard                 the tar that holds its crop
    identity              optional: the person, a number or a name within the source
    landmarks             x, y of the 68 points of 300-W in pixels of the crop; NaN where a point is not seen
    landmarks_estimated   optional: the same from an estimator, for points that `landmarks` lacks
    rotation              9 numbers, row by row, head to camera
    rotation_spread_deg   optional: how far the estimators behind `rotation` are apart

A table of rotations holds `id`, `rotation` and `rotation_spread_deg` alone; they replace those of the table.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray

from fpn_core import matrix_to_ypr_deg
from pipeline.evaluate.scores import INNER_POINTS

CROP_TO_BOX = 2.1
SIDE_PX = 160
BOX_SIDE_PX = SIDE_PX / CROP_TO_BOX
LABELS = "crops-labels.parquet"
_JPEG_QUALITY = 95
_BLACK_LEVEL, _LEAST_BRIGHT, _DARKENED_PX = 10, 0.1, 2

Strings = NDArray[np.object_]


class TrainingDataError(ValueError):
    """A training set that is not as this module's first lines say."""


class Face(NamedTuple):
    """One face of a training set.

    Attributes:
        face_id: Its name.
        source: Where it comes from.
        image: The crop, BGR.
        landmarks_px: The 68 points in pixels of the crop.
        rotation: Head to camera, in the camera "fpn-227" of the crop.
        group: Faces of one group, one person for example, are held out together; empty: the face alone.
    """

    face_id: str
    source: str
    image: UInt8[np.ndarray, "s s 3"]
    landmarks_px: Float[np.ndarray, "68 2"]
    rotation: Float[np.ndarray, "3 3"]
    group: str = ""


@dataclass(frozen=True, eq=False)
class Labels:
    """What the tables of a training set say.

    Attributes:
        ids: Names of the faces.
        sources: Where they come from.
        groups: Faces of one group are held out together.
        landmarks_px: NaN for points that are not known.
        rotation: Head to camera.
        spread_deg: How far estimators of the rotation are apart; NaN where there is one alone.
    """

    ids: Strings
    sources: Strings
    groups: Strings
    landmarks_px: Float[np.ndarray, "n 68 2"]
    rotation: Float[np.ndarray, "n 3 3"]
    spread_deg: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Crops(Labels):
    """Faces of a training set: labels and BGR crops, in the same order.

    `photo_xyxy_px`: the part of a crop that is photo; what lies around it was beyond the photo's edge.
    """

    images: UInt8[np.ndarray, "n side side 3"]
    photo_xyxy_px: Int[np.ndarray, "n 4"]

    def __getitem__(self, rows: Int[np.ndarray, " k"]) -> "Crops":
        return Crops(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def read_labels(folder: Path, table: str = LABELS, rotations: str | None = None) -> Labels:
    """The labels of a training set.

    Args:
        folder: Where the set is.
        table: The file of its table.
        rotations: The file of a table with other rotations for the same faces.

    Raises:
        TrainingDataError: There is no such table, or it lacks a face.
    """
    return _to_labels(_read_table(folder / table), folder, rotations)


def _read_table(source: Path) -> pa.Table:
    if not source.is_file():
        raise TrainingDataError(
            f"there is no {source}; expected a training set as made by `python -m training label` or `render`"
        )
    return pq.read_table(source)


def _to_labels(table: pa.Table, folder: Path, rotations: str | None) -> Labels:
    ids = _strings(table["id"])
    names = table.column_names
    of_rotation = table if rotations is None else _rows_of(ids, _read_table(folder / rotations), rotations)
    spread_deg = np.full(len(ids), np.nan)
    if "rotation_spread_deg" in of_rotation.column_names:
        spread_deg = of_rotation["rotation_spread_deg"].to_numpy().astype(np.float64)
    landmarks_px = _numbers(table["landmarks"]).reshape(-1, 68, 2)
    if "landmarks_estimated" in names:
        estimated = _numbers(table["landmarks_estimated"]).reshape(-1, 68, 2)
        landmarks_px = _completed(landmarks_px, estimated)
    sources, groups = _strings(table["source"]), ids
    if "group" in names:
        groups = _strings(table["group"])
    elif "identity" in names:
        people = zip(sources, table["identity"].to_pylist(), strict=True)
        groups = np.array([f"{source} {person}" for source, person in people], object)
    rotation = _numbers(of_rotation["rotation"]).reshape(-1, 3, 3)
    return Labels(ids, sources, groups, landmarks_px, rotation, spread_deg)


def _rows_of(ids: Strings, table: pa.Table, name: str) -> pa.Table:
    """The rows of a table that belong to these faces, in their order."""
    place = {face: row for row, face in enumerate(table["id"].to_pylist())}
    missing = [face for face in ids if face not in place]
    if missing:
        raise TrainingDataError(
            f"{name} lacks {len(missing)} of {len(ids)} faces, the first is {missing[0]}; expected a row"
            " for each"
        )
    return table.take([place[face] for face in ids])


def _completed(
    landmarks_px: Float[np.ndarray, "n 68 2"], estimated_px: Float[np.ndarray, "n 68 2"]
) -> Float[np.ndarray, "n 68 2"]:
    """Estimated points, and in their places those of eyes, nose and mouth that people have set.

    Where people set few points, jaw, brows and the wings of the nose are not the same spots as in 300-W.
    """
    completed = estimated_px.copy()
    completed[:, INNER_POINTS] = np.where(
        np.isnan(landmarks_px[:, INNER_POINTS]), estimated_px[:, INNER_POINTS], landmarks_px[:, INNER_POINTS]
    )
    whole = ~np.isnan(landmarks_px).any(axis=(1, 2))
    completed[whole] = landmarks_px[whole]
    return completed


def read_crops(
    folder: Path, table: str = LABELS, rotations: str | None = None, sources: Sequence[str] = ()
) -> Crops:
    """The faces of a training set, decoded.

    Args:
        folder: Where the set is.
        table: The file of its table.
        rotations: The file of a table with other rotations for the same faces.
        sources: Where the faces have to come from; empty: anywhere.

    Raises:
        TrainingDataError: There is no table, it lacks a face, a label has no crop, a crop another size, or
            no face is of those sources.
    """
    rows = _read_table(folder / table)
    if sources:
        rows = rows.filter(pc.is_in(rows["source"], value_set=pa.array(sources)))
    if not len(rows):
        raise TrainingDataError(f"{folder / table} has no face of {', '.join(sources) or 'any source'}")
    labels = _to_labels(rows, folder, rotations)
    images = np.zeros((len(labels), SIDE_PX, SIDE_PX, 3), np.uint8)
    missing = {face: row for row, face in enumerate(labels.ids)}
    for shard in sorted(set(rows["shard"].to_pylist())):
        for name, encoded in _members(folder / shard):
            row = missing.pop(name.removesuffix(".jpg"), None)
            if row is None:
                continue
            image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
            if image is None or image.shape != images.shape[1:]:
                found = "no image" if image is None else f"{image.shape[1]} x {image.shape[0]} px"
                raise TrainingDataError(
                    f"{name} in {folder / shard} is {found}; expected {SIDE_PX} x {SIDE_PX} px"
                )
            images[row] = image
    if missing:
        raise TrainingDataError(
            f"{len(missing)} of {len(labels)} labelled crops are in no tar of {folder}, the first is"
            f" {next(iter(missing))}; expected a JPEG for each row in the tar that the column shard names"
        )
    photos = np.stack([photo_part(image) for image in images])
    return Crops(
        **{field.name: getattr(labels, field.name) for field in fields(labels)},
        images=images,
        photo_xyxy_px=photos,
    )


def photo_part(image: UInt8[np.ndarray, "s s 3"]) -> Int[np.ndarray, "4"]:
    """The rectangle (x, y of its first pixel, x, y after its last) of a crop that is not black border.

    JPEG leaves a few grey levels in the border, and darkens the pixels beside it. A crop that is black
    altogether is photo.
    """
    size = image.shape[0]
    bright = image.max(axis=2) > _BLACK_LEVEL
    first, last = [], []
    for axis in (0, 1):
        seen = np.flatnonzero(bright.mean(axis=axis) > _LEAST_BRIGHT)
        if len(seen) <= 4 * _DARKENED_PX:
            return np.array([0, 0, size, size])
        first.append(seen[0] + _DARKENED_PX if seen[0] > 0 else 0)
        last.append(seen[-1] + 1 - _DARKENED_PX if seen[-1] < size - 1 else size)
    return np.array(first + last)


def digests(folder: Path, table: str = LABELS, rotations: str | None = None) -> dict[str, str]:
    """SHA-256 of every file that a training set is read from, by name."""
    shards = sorted(set(_read_table(folder / table)["shard"].to_pylist()))
    names = [table, *([rotations] if rotations else []), *shards]
    found = {}
    for name in names:
        if not (folder / name).is_file():
            raise TrainingDataError(f"there is no {folder / name}, which {folder / table} names")
        with (folder / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _strings(column: pa.ChunkedArray) -> Strings:
    return np.array(column.to_pylist(), object)


def _members(tar: Path) -> Iterable[tuple[str, bytes]]:
    if not tar.is_file():
        return
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
        ("group", pa.string()),
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
        "group": face.group or face.face_id,
        "landmarks": np.ravel(face.landmarks_px).astype(np.float32).tolist(),
        "rotation": np.ravel(face.rotation).astype(np.float32).tolist(),
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
    }


def joined(parts: Sequence[Crops]) -> Crops:
    """Several training sets as one."""
    return Crops(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Crops)
        }
    )
