"""A picture of a job's results: each face with its pose drawn in, and its views beside it.

Reads only what the job wrote and the photos, as any user could.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow.parquet as pq

from fpn_core import axes_points_mm, project
from pipeline.errors import StorageError
from pipeline.ledger import committed_parts, part_files
from pipeline.storage import Folder, join, read_file

_CELL_PX = 180
_LABEL_PX = 22
_AXES_BGR = ((0, 0, 255), (0, 200, 0), (255, 80, 0))  # x right, y down, out of the face
_LANDMARK_BGR = (0, 255, 255)
_MARGIN = 0.35  # of the crop's side, shown around it


@dataclass(frozen=True)
class _SheetFace:
    record: dict[str, object]
    views: dict[str, np.ndarray]


def contact_sheet(out: Folder, image_root: str, limit: int) -> np.ndarray:
    """Draw the first `limit` faces of a job, one a row: the photo with landmarks and axes, then every view.

    Returns a BGR picture, uint8 (h, w, 3).

    Raises:
        StorageError: the folder holds no posed face, or a file of it cannot be read.
    """
    faces = []
    for face in _faces(out):
        faces.append(face)
        if len(faces) == limit:
            break
    if not faces:
        raise StorageError(f"{out.location!r} holds no posed face to draw")
    found = {name for face in faces for name in face.views}
    names = sorted(found - {"aligned"}, key=float) + sorted(found & {"aligned"})
    header = _row(
        [_label("photo and pose"), *(_label(name if name == "aligned" else f"view {name}") for name in names)]
    )
    rows = [header]
    for face in faces:
        cells = [_photo_cell(face.record, image_root)]
        cells += [_view_cell(face.views.get(name)) for name in names]
        rows += [_row(cells), _label(_caption(face.record), width=_CELL_PX * len(cells))]
    return np.vstack(rows)


def _faces(out: Folder) -> Iterator[_SheetFace]:
    for part in sorted(committed_parts(out)):
        poses = out.read(part_files(part, views=False)["poses"])
        if poses is None:
            raise StorageError(f"the poses of part {part} are missing in {out.location!r}; run fpn verify")
        views = _views(out, part)
        for record in pq.read_table(io.BytesIO(poses)).to_pylist():
            yield _SheetFace(record, views.get(record["face_id"], {}))


def _views(out: Folder, part: int) -> dict[str, dict[str, np.ndarray]]:
    """Views by face id, from the shard alone."""
    shard = out.read(part_files(part, views=True)["views"])
    if shard is None:
        return {}
    views: dict[str, dict[str, np.ndarray]] = {}
    ids: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            data = file.read() if file else b""
            key, _, extension = member.name.partition(".")
            if extension == "json":
                ids[key] = json.loads(data)["face_id"]
            else:
                picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                views.setdefault(key, {})[extension.partition(".")[0]] = np.asarray(picture, np.uint8)
    return {face_id: views.get(key, {}) for key, face_id in ids.items()}


def _photo_cell(record: dict[str, object], image_root: str) -> np.ndarray:
    data = read_file(join(image_root, str(record["image"])))
    photo = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    x0, y0, x1, _ = np.array(record["crop_xyxy_px"], dtype=float)
    margin = _MARGIN * (x1 - x0)
    scale = _CELL_PX / (x1 - x0 + 2 * margin)
    shift = np.array([margin - x0, margin - y0]) * scale
    to_cell = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    averaging = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    # warpAffine samples points: shrink by area first, so that small cells of large photos do not alias.
    shrink = min(1.0, 2 * scale)
    photo = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=averaging)
    to_cell_of_shrunk = to_cell @ np.diag([1 / shrink, 1 / shrink, 1])
    cell = cv2.warpAffine(photo, to_cell_of_shrunk, (_CELL_PX, _CELL_PX), flags=cv2.INTER_LINEAR)
    _draw_pose(cell, record, to_cell)
    return np.asarray(cell, dtype=np.uint8)


def _draw_pose(cell: np.ndarray, record: dict[str, object], to_cell: np.ndarray) -> None:
    projection = np.array(record["projection"], dtype=float).reshape(1, 3, 4)
    # Drawn from just before the nose tip, so that all three axes are seen.
    axes_mm = axes_points_mm(70.0) + np.array([0, 0, -60])
    origin, *tips = project(axes_mm, projection)[0] @ to_cell[:, :2].T + to_cell[:, 2]
    landmarks = record.get("landmarks_xy_px")
    if landmarks is not None:
        points = np.array(landmarks, dtype=float).reshape(68, 2) @ to_cell[:, :2].T + to_cell[:, 2]
        for point in points:
            cv2.circle(cell, _pixel(point), 1, _LANDMARK_BGR, -1, cv2.LINE_AA)
    for tip, colour in zip(tips, _AXES_BGR, strict=True):
        cv2.arrowedLine(cell, _pixel(origin), _pixel(tip), colour, 2, cv2.LINE_AA, tipLength=0.2)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.nan_to_num(point), -1e4, 1e4)
    return round(float(x)), round(float(y))


def _view_cell(view: np.ndarray | None) -> np.ndarray:
    if view is None:
        return np.full((_CELL_PX, _CELL_PX, 3), 40, dtype=np.uint8)
    averaging = cv2.INTER_AREA if view.shape[0] > _CELL_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(view, (_CELL_PX, _CELL_PX), interpolation=averaging), dtype=np.uint8)


def _caption(record: dict[str, object]) -> str:
    angles = "  ".join(f"{name} {record[f'{name}_deg']:+.1f}" for name in ("yaw", "pitch", "roll"))
    mirrored = "  (views mirrored)" if record["mirrored"] else ""
    face_id = str(record["face_id"]).encode("ascii", "replace").decode()  # the font has no other letters
    return f"{face_id[:40]}   {angles} degrees{mirrored}"


def _label(text: str, width: int = _CELL_PX) -> np.ndarray:
    label = np.zeros((_LABEL_PX, width, 3), dtype=np.uint8)
    cv2.putText(label, text, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (230, 230, 230), 1, cv2.LINE_AA)
    return label


def _row(cells: list[np.ndarray]) -> np.ndarray:
    return np.hstack(cells)
