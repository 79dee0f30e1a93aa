"""What the page shows of a single face: its photo with the pose drawn in, its views, and numbers."""

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from faceposenet.redaction import without_secrets
from fpn_core import valid_boxes
from pipeline.manifest.rows import RESULT_COLUMNS
from pipeline.reasons import Reason
from pipeline.report.manifest_rows import NoRowError
from pipeline.report.marks import Closeup, Marks, box_corners, cut, marks_of
from pipeline.report.photos import NoPhotoError, PhotoFinder
from pipeline.report.views import Views

PHOTO_PX, VIEW_PX = 320, 144
_QUALITY = 80
_MARGIN = 0.15
"""Of the network's window, shown on every side of it."""
_REJECT_WINDOW = 2.2
"""Sides of the box that are shown of a reject."""
_FARTHEST = 4
"""Photos beside which a box is still shown together with its photo."""
_LONGEST_TEXT = 160
_NEVER_OPENED = {
    Reason.WORKER_CRASH: "not opened here: it brought a worker down",
    Reason.TIMEOUT: "not opened here: a worker hung at it",
}


@dataclass(frozen=True)
class Overlay:
    """What is drawn over a photo, as path data of SVG in pixels of the picture."""

    box: str = ""
    axes: tuple[str, ...] = ()
    """x, y, and out of the face."""
    landmarks: str = ""


@dataclass(frozen=True)
class PhotoTile:
    """A photo, or why there is none."""

    source: str = ""
    """Data URI."""
    overlay: Overlay = Overlay()
    why_not: str = ""


@dataclass(frozen=True)
class ViewPicture:
    """A rendered view."""

    name: str
    source: str
    seen_percent: float | None


@dataclass(frozen=True)
class FaceCard:
    """A posed face."""

    face_id: str
    image: str
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    confidence: float | None
    mirrored: bool
    photo: PhotoTile
    views: tuple[ViewPicture, ...]
    facts: tuple[tuple[str, str], ...]
    """Further columns, also the manifest's own, in words."""


@dataclass(frozen=True)
class RejectCard:
    """A rejected face."""

    face_id: str
    image: str
    row: int
    stage: str
    detail: str
    attempts: int
    photo: PhotoTile


def shown(value: object, limit: int = _LONGEST_TEXT) -> str:
    """A value of a manifest in words: of bounded length, without control characters and secrets of URIs."""
    text = f"{len(value):,} bytes" if isinstance(value, bytes) else without_secrets(str(value))
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: limit + 1]
    )
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def face_card(record: dict[str, Any], reader: PhotoFinder, views: Views) -> FaceCard:
    """The card of a posed face, from its row of the poses and its views."""
    seen = dict(zip(record.get("views") or (), record.get("views_seen_fraction") or (), strict=False))
    names = sorted(set(views) - {"aligned"}, key=float) + sorted(set(views) & {"aligned"})
    return FaceCard(
        face_id=shown(record["face_id"]),
        image=shown(record["image"] or ""),
        yaw_deg=record["yaw_deg"],
        pitch_deg=record["pitch_deg"],
        roll_deg=record["roll_deg"],
        confidence=record.get("confidence"),
        mirrored=bool(record["mirrored"]),
        photo=_posed_photo(record, reader),
        views=tuple(
            ViewPicture(name, _picture(_fit(views[name])), None if name not in seen else 100 * seen[name])
            for name in names
        ),
        facts=tuple(_facts(record)),
    )


def reject_card(record: dict[str, Any], reader: PhotoFinder) -> RejectCard:
    """The card of a rejected face, from its row of the rejects."""
    return RejectCard(
        face_id=shown(record["face_id"] or ""),
        image=shown(record["image"] or ""),
        row=record["row"],
        stage=shown(record["stage"]),
        detail=shown(record["detail"] or "", 400),
        attempts=record["attempts"],
        photo=_rejected_photo(record, reader),
    )


def _facts(record: dict[str, Any]) -> list[tuple[str, str]]:
    def numbers(name: str, digits: int) -> str:
        return ", ".join(f"{value:.{digits}f}" for value in record[name])

    size = " x ".join(str(record[f"image_{side}_px"]) for side in ("width", "height"))
    return [
        ("box x, y, w, h", f"{numbers('box_xywh_px', 1)} px"),
        ("photo", f"{size} px"),
        ("rvec", f"{numbers('rvec_rad', 3)} rad"),
        ("tvec", f"{numbers('tvec_mm', 0)} mm"),
        *((shown(name, 60), shown(value)) for name, value in record.items() if name not in RESULT_COLUMNS),
    ]


def _posed_photo(record: dict[str, Any], reader: PhotoFinder) -> PhotoTile:
    try:
        photo = reader.posed(record)
    except NoPhotoError as error:
        return PhotoTile(why_not=shown(error))
    x0, y0, x1, y1 = record["crop_xyxy_px"]
    side = max(x1 - x0, y1 - y0, 1.0) * (1 + 2 * _MARGIN)
    closeup = cut(photo, np.array([(x0 + x1) / 2, (y0 + y1) / 2]), side, PHOTO_PX)
    return PhotoTile(_picture(closeup.pixels), _overlay(closeup, marks_of(record)))


def _rejected_photo(record: dict[str, Any], reader: PhotoFinder) -> PhotoTile:
    if record["reason"] in _NEVER_OPENED:
        return PhotoTile(why_not=_NEVER_OPENED[record["reason"]])
    try:
        photo = reader.rejected(record)
    except NoPhotoError as error:
        return PhotoTile(why_not=shown(error))
    box = _box_of_reject(record, reader)
    centre, side = _window_of_reject(photo.shape[1], photo.shape[0], box, record["reason"])
    closeup = cut(photo, centre, side, PHOTO_PX)
    overlay = Overlay() if box is None else _overlay(closeup, Marks(box_corners(box)))
    return PhotoTile(_picture(closeup.pixels), overlay)


def _box_of_reject(record: dict[str, Any], reader: PhotoFinder) -> np.ndarray | None:
    """The box, where the manifest can be read and it is one that can be drawn."""
    try:
        box = reader.rows.row(record["row"], record["face_id"]).box_xywh_px
    except NoRowError:
        return None
    return box if valid_boxes(box[None])[0] else None


def _window_of_reject(
    width: int, height: int, box: np.ndarray | None, reason: str
) -> tuple[np.ndarray, float]:
    """Centre and side of what is shown of a photo: the surroundings of the box where that shows something."""
    whole = np.array([[0, 0], [width - 1, height - 1]], np.float64)
    longest = float(max(width, height))
    shown_part = whole
    if box is not None and reason == Reason.BOX_OUTSIDE_IMAGE:
        shown_part = np.vstack([whole, box_corners(box)])
    elif box is not None and max(box[2:]) <= longest:
        half = _REJECT_WINDOW / 2 * max(box[2:])
        middle = box[:2] + box[2:] / 2
        shown_part = np.array([middle - half, middle + half])
    low, high = shown_part.min(axis=0), shown_part.max(axis=0)
    side = float(max(high - low)) + 1
    if side > _FARTHEST * longest:
        return whole.mean(axis=0), longest
    return (low + high) / 2, side


def _overlay(closeup: Closeup, marks: Marks) -> Overlay:
    axes: tuple[str, ...] = ()
    if marks.axes_px is not None:
        origin, *tips = closeup.place(marks.axes_px)
        axes = tuple(_arrow(origin, tip) for tip in tips)
    landmarks = ""
    if marks.landmarks_px is not None:
        # Lines without length, whose round ends are dots.
        landmarks = "".join(f"M{_point(point)}h0" for point in closeup.place(marks.landmarks_px))
    box = "M" + "L".join(map(_point, closeup.place(marks.box_px))) + "Z"
    return Overlay(box, axes, landmarks)


def _arrow(start: np.ndarray, tip: np.ndarray) -> str:
    along = tip - start
    head = along / max(float(np.hypot(*along)), 1e-6) * min(14.0, 0.4 * float(np.hypot(*along)))
    across = np.array([-head[1], head[0]])
    barbs = [tip - head + 0.55 * across, tip - head - 0.55 * across]
    return f"M{_point(start)}L{_point(tip)}M{_point(barbs[0])}L{_point(tip)}L{_point(barbs[1])}"


def _point(point: np.ndarray) -> str:
    x, y = np.clip(np.nan_to_num(point), -9999, 9999)
    return f"{x:.1f} {y:.1f}"


def _fit(view: np.ndarray) -> np.ndarray:
    averaging = cv2.INTER_AREA if view.shape[0] > VIEW_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(view, (VIEW_PX, VIEW_PX), interpolation=averaging), np.uint8)


def _picture(pixels: np.ndarray) -> str:
    _, encoded = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    return f"data:image/webp;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
