"""Pairs out of files: LFW's pairs.txt, CFP's protocol, tables, manifests, .bin files."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.recognition.bin_file import read_bin
from pipeline.evaluate.recognition.pairs import FaceImage, Pairs, all_pairs, people_of_pairs

LABELS = "labels.json"
_BOX = ("x", "y", "width", "height")
_TRUE, _FALSE = ("1", "true", "yes", "same"), ("0", "false", "no", "different")


def read_pairs(path: Path, *, subject: str = "subject_id", across: str | None = None) -> Pairs:
    """Reads pairs, whose kind is found by the files:

        *.bin              InsightFace
        pairs.txt          LFW; photos in `<name>/<name>_0001.jpg` beside it or in `lfw` beside it
        Protocol/Split     the folder of CFP: frontal against profile
        *.csv, *.parquet   with image_a, image_b, same and perhaps fold: pairs
                           with image and a subject: all pairs
        labels.json        a folder of faces with subjects: all pairs

    Args:
        path: file or folder.
        subject: column of the subject, for all pairs.
        across: column of a group; only faces of different groups are compared.

    Raises:
        DatasetError: a kind that is unknown, a file that breaks its format, or pairs that make no test.
    """
    if path.suffix == ".bin":
        return read_bin(path)
    if path.suffix == ".txt":
        return _read_lfw(path)
    if (path / "Protocol" / "Split").is_dir():
        return _read_cfp(path)
    if path.name == LABELS or (path / LABELS).is_file():
        return _read_labels(path if path.name == LABELS else path / LABELS, subject, across)
    if path.suffix in (".csv", ".parquet"):
        return _read_table(path, subject, across)
    raise DatasetError(
        f"{path} has no pairs of a known kind; expected .bin (InsightFace), pairs.txt (LFW), the folder of "
        "CFP, a .csv or .parquet with image_a, image_b, same, or faces with subjects"
    )


def _pairs_of_names(
    kind: str, named: Sequence[tuple[FaceImage, FaceImage, bool, int]], *, folds: bool = True
) -> Pairs:
    """Pairs of faces by name; a face that occurs twice is one face."""
    faces: dict[str, FaceImage] = {}
    place: dict[str, int] = {}
    ends: list[tuple[int, int]] = []
    for a, b, _, _ in named:
        for face in (a, b):
            if face.name not in faces:
                place[face.name], faces[face.name] = len(faces), face
        ends.append((place[a.name], place[b.name]))
    first, second = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    same = np.array([each[2] for each in named], dtype=bool)
    fold = np.array([each[3] for each in named], dtype=np.int64)
    subjects = [face.subject for face in faces.values()]
    if all(subjects):
        person = np.unique([str(subject) for subject in subjects], return_inverse=True)[1].astype(np.int64)
    else:
        person = people_of_pairs(len(faces), first, second, same)
    return Pairs(kind, tuple(faces.values()), first, second, same, fold if folds else None, person)


def _read_lfw(path: Path) -> Pairs:
    """`10 300`, then per fold 300 lines `name i j` and 300 lines `name i other j`."""
    lines = [line.split() for line in _lines(path)]
    photos = path.parent / "lfw" if (path.parent / "lfw").is_dir() else path.parent

    def face(name: str, number: str) -> FaceImage:
        file = f"{name}_{int(number):04d}.jpg"
        return FaceImage(f"{name}/{file}", photos / name / file, subject=name)

    try:
        header = [int(word) for word in lines[0]]
        folds, per_fold = header if len(header) == 2 else (1, header[0])
        named = []
        for number, words in enumerate(lines[1:]):
            fold = number // (2 * per_fold)
            if len(words) == 3:
                named.append((face(words[0], words[1]), face(words[0], words[2]), True, fold))
            else:
                name, i, other, j = words
                named.append((face(name, i), face(other, j), False, fold))
    except (ValueError, IndexError) as error:
        raise DatasetError(
            f"{path} is not as LFW's pairs.txt: {error}; expected `name 1 2` or `a 1 b 2`"
        ) from error
    if len(named) != folds * 2 * per_fold:
        raise DatasetError(f"{path} has {len(named)} pairs, its first line says {folds * 2 * per_fold}")
    return _pairs_of_names(path.name, named)


def _read_cfp(folder: Path) -> Pairs:
    """`Pair_list_F.txt` and `P`: number and path; `Split/FP/NN/same.txt` and `diff.txt`: `i,j` per line."""
    protocol = folder / "Protocol"
    try:
        listed = {}
        for side in "FP":
            for line in _lines(protocol / f"Pair_list_{side}.txt"):
                number, name = line.split()
                parts = Path(name).parts[-3:]  # .../Images/001/frontal/01.jpg
                photo = folder.joinpath("Data", "Images", *parts)
                listed[side, int(number)] = FaceImage("/".join(parts), photo, subject=parts[0])
        named = []
        for fold, split in enumerate(sorted((protocol / "Split" / "FP").iterdir())):
            for same in (True, False):
                for line in _lines(split / ("same.txt" if same else "diff.txt")):
                    i, j = (int(number) for number in line.split(","))
                    named.append((listed["F", i], listed["P", j], same, fold))
    except (ValueError, KeyError, IndexError, OSError) as error:
        raise DatasetError(f"{protocol} is not as CFP's ({type(error).__name__}: {error})") from error
    return _pairs_of_names("CFP, frontal against profile", named)


def _read_labels(path: Path, subject: str, across: str | None) -> Pairs:
    try:
        labels: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        faces = [
            FaceImage(
                str(label["file"]),
                path.parent / label["file"],
                np.array(label["box"], np.float64).reshape(4) if "box" in label else None,
                str(label[subject]),
            )
            for label in labels
        ]
        groups = None if across is None else [str(label[across]) for label in labels]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is not as expected ({type(error).__name__}: {error}): a list of faces with file, "
            f"{subject}, perhaps box [x, y, w, h]{'' if across is None else f' and {across}'}"
        ) from error
    return all_pairs(path.parent.name, faces, groups)


def _read_table(path: Path, subject: str, across: str | None) -> Pairs:
    rows = _rows(path)
    names = list(rows[0]) if rows else []
    if {"image_a", "image_b", "same"} <= set(names):
        named = [_named_pair(path, number, row) for number, row in enumerate(rows, 1)]
        return _pairs_of_names(path.name, named, folds="fold" in names)
    wanted = ["image", subject, *([across] if across else [])]
    absent = [name for name in wanted if name not in names]
    if absent:
        raise DatasetError(
            f"{path} has no column {', '.join(absent)}; it has {', '.join(names) or 'none'}. Expected pairs "
            "(image_a, image_b, same, fold), or a manifest with a subject (name its column with --by)"
        )
    faces = [
        FaceImage(
            str(row.get("face_id", number)), path.parent / str(row["image"]), _box(row), _text(row[subject])
        )
        for number, row in enumerate(rows)
    ]
    return all_pairs(path.name, faces, None if across is None else [str(row[across]) for row in rows])


def _named_pair(path: Path, number: int, row: dict[str, Any]) -> tuple[FaceImage, FaceImage, bool, int]:
    word = str(row["same"]).strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise DatasetError(f"{path}, pair {number}: same is {row['same']!r}; expected 1 or 0, true or false")
    a, b = (
        FaceImage(
            str(row[f"image_{side}"]),
            path.parent / str(row[f"image_{side}"]),
            _box(row, f"_{side}"),
            _text(row.get(f"subject_{side}")),
        )
        for side in "ab"
    )
    try:
        return a, b, word in _TRUE, int(row.get("fold") or 0)
    except ValueError as error:
        raise DatasetError(
            f"{path}, pair {number}: fold is {row['fold']!r}; expected a whole number"
        ) from error


def _box(row: dict[str, Any], suffix: str = "") -> np.ndarray | None:
    values = [row.get(f"{name}{suffix}") for name in _BOX]
    try:
        box = np.array([float(value) for value in values if value is not None], dtype=np.float64)
    except ValueError:
        return None
    return box if len(box) == 4 else None


def _text(value: Any) -> str | None:
    return None if value is None or str(value) == "" else str(value)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        if path.suffix == ".parquet":
            # On the calling thread: pipeline.io.parquet says why.
            return list(pq.ParquetFile(path).read(use_threads=False).to_pylist())
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise DatasetError(f"cannot read {path}: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read {path}: {error}") from error
