"""Import of the original renderer's head files (`model3D_aug_*.mat`), which this project never contains.

The new set has five views of ten shapes, the older one three views. Each file holds, for one view of one
shape, the 3D point of every pixel (`refU`), the face's pixels, and the landmarks that the view shows.
"""

import re
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from render_core.errors import HeadError, MissingExtraError
from render_core.head import LANDMARKS, HeadView, ViewedHead
from render_core.head_file import write_head_file

# model3D_aug_-40_00_10.mat: view 40, shape 10 of the new set; model3D_aug_-40_10.mat: the same of the older.
_FILE_NAME = re.compile(r"model3D_aug_-(?P<yaw>\d\d)(?P<new>_00)?_(?P<shape>\d\d)\.mat")
_FIELDS = ("refU", "facemask", "threedee", "indbad", "outA")
_BACKDROP_TOLERANCE_MM = 0.15
_BACKDROP_LEAST_SHARE = 0.1
_PLANE_TRIALS = 300
_PLANE_SAMPLE = 1500


def import_reference_heads(folder: Path, out: Path) -> list[Path]:
    """Convert every head file in `folder` (and its subfolders) to the project's head format in `out`.

    Gives the files written: `03.npz` for shape 03 of the new set, `old-03.npz` for the older one.
    Raises MissingExtraError without scipy and HeadError for a folder without head files or a file that is
    not one.
    """
    scipy_io = _scipy_io()
    files: dict[str, dict[float, Path]] = defaultdict(dict)
    for path in sorted(folder.rglob("*.mat")):
        match = _FILE_NAME.fullmatch(path.name)
        if match:
            name = match["shape"] if match["new"] else f"old-{match['shape']}"
            files[name][float(match["yaw"])] = path
    if not files:
        raise HeadError(
            f"no file named like model3D_aug_-40_00_10.mat in {folder}: give the folder of the heads"
        )
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, views in sorted(files.items()):
        head = ViewedHead(name, {yaw: _read_view(path, yaw, scipy_io) for yaw, path in sorted(views.items())})
        written.append(write_head_file(out / f"{name}.npz", head))
    return written


def _scipy_io() -> ModuleType:
    try:
        import scipy.io  # noqa: PLC0415 - optional, so only imported where it is used
    except ImportError as error:
        raise MissingExtraError(
            "reading .mat files needs scipy: pip install 'faceposenet[reference-heads]'"
        ) from error
    module: ModuleType = scipy.io
    return module


def _read_view(path: Path, yaw_deg: float, scipy_io: Any) -> HeadView:
    try:
        model = scipy_io.loadmat(path)["model3D"]
        refU, facemask, threedee, indbad, outA = (model[name][0, 0] for name in _FIELDS)
    except Exception as error:  # scipy's own errors share no base with anything
        raise HeadError(
            f"{path}: cannot be read as a head file ({error}): expected a MATLAB 5 file with a struct "
            f"'model3D' with {', '.join(_FIELDS)}"
        ) from error
    if refU.ndim != 3 or refU.shape[2] != 3:
        raise HeadError(f"{path}: refU has shape {refU.shape}: expected height x width x 3")
    points = refU.astype(np.float32)
    if not np.array_equal(points, refU):
        raise HeadError(f"{path}: refU has more digits than float32 holds: expected the original's file")
    hidden = indbad.reshape(-1).astype(np.int64) - 1
    ids = np.setdiff1d(np.arange(LANDMARKS), hidden)
    if threedee.shape != (len(ids), 3):
        raise HeadError(
            f"{path}: {threedee.shape} landmarks with {len(hidden)} hidden ones: expected {(len(ids), 3)}"
        )
    return HeadView(
        yaw_deg=yaw_deg,
        points_mm=points,
        face_mask=_face_mask(path, facemask, points.shape[:2]),
        head_mask=~backdrop_mask(points.astype(np.float64)),
        landmarks_mm=threedee.astype(np.float64),
        landmark_ids=ids,
        photo_camera=outA.astype(np.float64),
    )


def _face_mask(path: Path, one_based: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The mask behind MATLAB's column-major, one-based pixel numbers."""
    pixels = one_based.reshape(-1).astype(np.int64) - 1
    if pixels.size == 0 or pixels.min() < 0 or pixels.max() >= shape[0] * shape[1]:
        raise HeadError(f"{path}: facemask is empty or leaves the {shape[1]} x {shape[0]} pixels of refU")
    mask = np.zeros(shape[0] * shape[1], bool)
    mask[pixels] = True
    return mask.reshape(shape, order="F")


def backdrop_mask(points_mm: np.ndarray) -> np.ndarray:
    """The pixels "h w" of flat backdrop: on a plane through at least a tenth of all points "h w 3".

    The original's views have one plane behind the head, at 75 degrees a second, oblique one.
    """
    points = points_mm.reshape(-1, 3)
    generator = np.random.default_rng(0)
    backdrop = np.zeros(len(points), bool)
    while True:
        remaining = np.flatnonzero(~backdrop)
        on_plane = _largest_plane(points, remaining, generator)
        if len(on_plane) < _BACKDROP_LEAST_SHARE * len(points):
            return backdrop.reshape(points_mm.shape[:2])
        backdrop[on_plane] = True


def _largest_plane(points: np.ndarray, among: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Numbers of the points on the plane, of many through three points, that holds most of a sample."""
    sample = generator.choice(among, _PLANE_SAMPLE) if len(among) else among
    best = among[:0]
    most = 0
    for a, b, c in points[sample[: 3 * _PLANE_TRIALS].reshape(-1, 3, 1)][:, :, 0]:
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length == 0:
            continue
        normal /= length
        if (votes := int(_is_close(points[sample], a, normal).sum())) > most:
            most = votes
            best = among[_is_close(points[among], a, normal)]
    return best


def _is_close(points: np.ndarray, on_plane: np.ndarray, normal: np.ndarray) -> np.ndarray:
    close: np.ndarray = np.abs((points - on_plane) @ normal) < _BACKDROP_TOLERANCE_MM
    return close
