"""The project's file of a head known from views: one uncompressed .npz, read view by view.

| array | type | what |
| --- | --- | --- |
| format | text | "faceposenet-head-1" |
| views_deg | float64 "n" | yaw of each view, ascending |
| view_K/points_mm | float32 "h w 3" | the 3D point of every pixel, K from 0 to n - 1 |
| view_K/face_mask, view_K/head_mask | uint8 | the masks in bits, row by row (numpy.packbits) |
| view_K/landmarks_mm | float64 "k 3" | the landmarks that the view shows |
| view_K/landmark_ids | int64 "k" | their numbers, 0-based, order of 300-W |
| view_K/photo_camera | float64 "3 3" | K with which the original finds a photo's pose from these landmarks |

Uncompressed because a worker reads it at its start and deflate would take longer than everything else; points
rather than depths because the original's points are exact in float32 and depths would not give them back.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from render_core.errors import HeadError
from render_core.head import HeadView, ViewedHead

FORMAT = "faceposenet-head-1"
_ARRAYS = ("points_mm", "face_mask", "head_mask", "landmarks_mm", "landmark_ids", "photo_camera")


def write_head_file(path: Path, head: ViewedHead) -> Path:
    """Write `head` to `path` (.npz) and give the path."""
    arrays: dict[str, np.ndarray] = {"format": np.array(FORMAT), "views_deg": np.array(sorted(head.views))}
    for number, yaw in enumerate(sorted(head.views)):
        view = head.views[yaw]
        arrays |= {
            f"view_{number}/points_mm": view.points_mm.astype(np.float32),
            f"view_{number}/face_mask": np.packbits(view.face_mask),
            f"view_{number}/head_mask": np.packbits(view.head_mask),
            f"view_{number}/landmarks_mm": view.landmarks_mm.astype(np.float64),
            f"view_{number}/landmark_ids": view.landmark_ids.astype(np.int64),
            f"view_{number}/photo_camera": view.photo_camera.astype(np.float64),
        }
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return path


def read_head_file(path: Path) -> ViewedHead:
    """The head in a file that `write_head_file` wrote; its name is the file's stem.

    Views are read from disk when they are first asked for. Raises HeadError for anything else than such a
    file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = str(arrays["format"])
            views_deg = [float(yaw) for yaw in arrays["views_deg"]]
            names = set(arrays.files)
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise HeadError(
            f"{path}: cannot be read as a head file ({error}): make it with 'fpn heads import'"
        ) from error
    if found != FORMAT:
        raise HeadError(f"{path}: format is {found!r}: expected {FORMAT!r}; import the head again")
    for number, yaw in enumerate(views_deg):
        if missing := [name for name in _ARRAYS if f"view_{number}/{name}" not in names]:
            raise HeadError(f"{path}: view {yaw:g} lacks {', '.join(missing)}; import the head again")
    return ViewedHead(path.stem, _ViewsOnDisk(path, views_deg))


class _ViewsOnDisk(Mapping[float, HeadView]):
    """The views of a file, each read once, when it is first asked for."""

    def __init__(self, path: Path, views_deg: list[float]) -> None:
        self._path = path
        self._number = {yaw: number for number, yaw in enumerate(views_deg)}
        self._read: dict[float, HeadView] = {}

    def __getitem__(self, yaw_deg: float) -> HeadView:
        if yaw_deg not in self._read:
            self._read[yaw_deg] = _read_view(self._path, self._number[yaw_deg], yaw_deg)
        return self._read[yaw_deg]

    def __iter__(self) -> Iterator[float]:
        return iter(self._number)

    def __len__(self) -> int:
        return len(self._number)


def _read_view(path: Path, number: int, yaw_deg: float) -> HeadView:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            points, face, head, landmarks, ids, camera = (arrays[f"view_{number}/{name}"] for name in _ARRAYS)
        shape = (points.shape[0], points.shape[1])
        return HeadView(
            yaw_deg, points, _unpacked(face, shape), _unpacked(head, shape), landmarks, ids, camera
        )
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise HeadError(f"{path}: view {yaw_deg:g} is damaged ({error}); import the head again") from error


def _unpacked(bits: np.ndarray, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)
