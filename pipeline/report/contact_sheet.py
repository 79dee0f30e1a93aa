"""A picture of a job's results: each face with its pose drawn in, and its views beside it.

Reads only what the job wrote and the photos, as any user could.
"""

from typing import Any

import cv2
import numpy as np

from pipeline.errors import StorageError
from pipeline.io.storage import Folder
from pipeline.job.job_file import stored_job
from pipeline.job.ledger import committed_parts, read_entry
from pipeline.report.marks import Marks, cut, marks_of
from pipeline.report.part_tables import read_rows
from pipeline.report.photos import NoPhotoError, PhotoFinder, photos_of_job
from pipeline.report.tally import Place
from pipeline.report.views import read_views

_CELL_PX = 180
_LABEL_PX = 22
_AXES_BGR = ((0, 0, 255), (0, 200, 0), (255, 80, 0))  # x right, y down, out of the face
_LANDMARK_BGR = (0, 255, 255)
_EMPTY_LEVEL = 40
_MARGIN = 0.35  # of the crop's side, shown around it


def contact_sheet(out: Folder, image_root: str | None, limit: int) -> np.ndarray:
    """Draw the first `limit` faces of a job, one a row: the photo with landmarks and axes, then every view.

    `image_root`: where relative image paths begin now, if not where the job found them. A photo that cannot
    be read leaves its cell empty. Returns a BGR picture, uint8 (h, w, 3).

    Raises:
        StorageError: the folder holds no posed face, or a file of it cannot be read.
    """
    finder = photos_of_job(out, stored_job(out), image_root=image_root)
    places = _first_places(out, limit)
    if not places:
        raise StorageError(f"{out.location!r} holds no posed face to draw; its rejects say why")
    records = read_rows(out, "poses", places)
    wanted: dict[int, set[str]] = {}
    for place in places:
        wanted.setdefault(place.part, set()).add(records[place]["face_id"])
    views = read_views(out, wanted)
    found = {name for pictures in views.values() for name in pictures}
    names = sorted(found - {"aligned"}, key=float) + sorted(found & {"aligned"})
    titles = ["photo and pose", *(name if name == "aligned" else f"view {name}" for name in names)]
    rows = [np.hstack([_label(title) for title in titles])]
    for place in places:
        record = records[place]
        pictures = views.get((place.part, record["face_id"]), {})
        cells = [_photo_cell(record, finder), *(_view_cell(pictures.get(name)) for name in names)]
        rows += [np.hstack(cells), _label(_caption(record), width=_CELL_PX * len(cells))]
    return np.vstack(rows)


def _first_places(out: Folder, limit: int) -> list[Place]:
    """Where the first posed faces are."""
    places: list[Place] = []
    for part in sorted(committed_parts(out)):
        entry = read_entry(out, part)
        posed = 0 if entry is None else entry.posed
        places += [Place(part, index) for index in range(min(posed, limit - len(places)))]
        if len(places) == limit:
            break
    return places


def _photo_cell(record: dict[str, Any], finder: PhotoFinder) -> np.ndarray:
    try:
        photo = finder.posed(record)
    except NoPhotoError:
        cell = _view_cell(None)
        cv2.putText(
            cell, "no photo", (6, 95), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (230, 230, 230), 1, cv2.LINE_AA
        )
        return cell
    x0, y0, x1, y1 = record["crop_xyxy_px"]
    closeup = cut(photo, np.array([(x0 + x1) / 2, (y0 + y1) / 2]), (x1 - x0) * (1 + 2 * _MARGIN), _CELL_PX)
    marks = marks_of(record)
    placed = Marks(
        closeup.place(marks.box_px),
        None if marks.axes_px is None else closeup.place(marks.axes_px),
        None if marks.landmarks_px is None else closeup.place(marks.landmarks_px),
    )
    _draw_pose(closeup.pixels, placed)
    return closeup.pixels


def _draw_pose(cell: np.ndarray, marks: Marks) -> None:
    if marks.landmarks_px is not None:
        for point in marks.landmarks_px:
            cv2.circle(cell, _pixel(point), 1, _LANDMARK_BGR, -1, cv2.LINE_AA)
    if marks.axes_px is not None:
        origin, *tips = marks.axes_px
        for tip, colour in zip(tips, _AXES_BGR, strict=True):
            cv2.arrowedLine(cell, _pixel(origin), _pixel(tip), colour, 2, cv2.LINE_AA, tipLength=0.2)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.nan_to_num(point), -1e4, 1e4)
    return round(float(x)), round(float(y))


def _view_cell(view: np.ndarray | None) -> np.ndarray:
    if view is None:
        return np.full((_CELL_PX, _CELL_PX, 3), _EMPTY_LEVEL, dtype=np.uint8)
    averaging = cv2.INTER_AREA if view.shape[0] > _CELL_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(view[:, :, :3], (_CELL_PX, _CELL_PX), interpolation=averaging), np.uint8)


def _caption(record: dict[str, Any]) -> str:
    angles = "  ".join(f"{name} {record[f'{name}_deg']:+.1f}" for name in ("yaw", "pitch", "roll"))
    mirrored = "  (views mirrored)" if record["mirrored"] else ""
    face_id = str(record["face_id"]).encode("ascii", "replace").decode()  # the font has no other letters
    return f"{face_id[:40]}   {angles} degrees{mirrored}"


def _label(text: str, width: int = _CELL_PX) -> np.ndarray:
    label = np.zeros((_LABEL_PX, width, 3), dtype=np.uint8)
    cv2.putText(label, text, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (230, 230, 230), 1, cv2.LINE_AA)
    return label
