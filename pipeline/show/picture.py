"""The picture of `fpn show`: the photo, the face close up with its pose, the pose in words, the views."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from faceposenet import Face, View
from pipeline.report.marks import Closeup, Marks, box_corners, cut, marks_of
from pipeline.show.show import LookedAt, direction

_PAGE_BGR = (24, 19, 14)  # _PAGE
_PAGE, _INK, _MUTED, _ACCENT, _BOX, _DOTS = "#0e1318", "#e7edf3", "#9dabb9", "#56c4d6", "#ffffff", "#ffe14d"
_AXES = ("#ff5a52", "#3ddc6c", "#4ea1ff")  # x right, y down, out of the face
_MARGIN_PX, _GAP_PX, _LABEL_PX = 22, 14, 26
_PHOTO_WIDTH_PX, _HEIGHT_PX, _WORDS_PX = 600, 420, 320
_WINDOW = 1.1
"""Sides of the network's window that the face is shown with."""
_DPI = 100


@dataclass
class _Sheet:
    """Pixels, and a transparent drawing over them."""

    pixels: np.ndarray
    axes: Axes

    def paste(self, picture: np.ndarray, x: int, y: int) -> None:
        height, width = picture.shape[:2]
        self.pixels[y : y + height, x : x + width] = picture

    def text(
        self, x: float, y: float, text: str, size: float, colour: str = _INK, weight: str = "normal"
    ) -> None:
        self.axes.text(x, y, text, color=colour, fontsize=size, fontweight=weight, va="baseline")

    def line(self, points: np.ndarray, colour: str, width: float) -> None:
        edge = [
            patheffects.Stroke(linewidth=width + 2, foreground="#000000", alpha=0.55),
            patheffects.Normal(),
        ]
        self.axes.plot(*points.T, color=colour, linewidth=width, path_effects=edge, solid_capstyle="round")

    def flat(self) -> np.ndarray:
        """Both together: BGR, uint8 (h, w, 3)."""
        figure = self.axes.figure
        assert isinstance(figure, Figure)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = np.asarray(canvas.buffer_rgba(), np.float64)
        alpha = drawn[:, :, 3:] / 255
        return np.asarray(np.rint(self.pixels * (1 - alpha) + drawn[:, :, 2::-1] * alpha), np.uint8)


def draw_picture(looked: LookedAt) -> np.ndarray:
    """Everything of one photo in one picture: BGR, uint8 (h, w, 3)."""
    photo = _fit(looked.photo, _PHOTO_WIDTH_PX, _HEIGHT_PX)
    face_x = _MARGIN_PX + photo.shape[1] + _GAP_PX
    words_x = face_x + _HEIGHT_PX + 2 * _GAP_PX
    side = looked.views[0].image.shape[0] if looked.views else 0
    views_width = len(looked.views) * (side + _GAP_PX) - _GAP_PX
    width = max(words_x + _WORDS_PX, _MARGIN_PX + views_width) + _MARGIN_PX
    views_y = _MARGIN_PX + _HEIGHT_PX + _GAP_PX
    height = views_y + (side + _LABEL_PX if looked.views else 0) + _MARGIN_PX - _GAP_PX
    sheet = _blank(width, height)
    _draw_photo(sheet, looked, photo)
    _draw_face(sheet, looked, face_x)
    _write_pose(sheet, looked, words_x)
    for i, view in enumerate(looked.views):
        _draw_view(sheet, view, _MARGIN_PX + i * (side + _GAP_PX), views_y)
    return sheet.flat()


def _blank(width: int, height: int) -> _Sheet:
    pixels = np.full((height, width, 3), _PAGE_BGR, np.uint8)
    # The canvas takes whole pixels and cuts off the rest: 4.64 inches must not become 463 of 464 pixels.
    size_inch = ((width + 0.01) / _DPI, (height + 0.01) / _DPI)
    figure = Figure(size_inch, dpi=_DPI, facecolor="none")
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    # Pixels have their centres at whole numbers, as everywhere here.
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_axis_off()
    return _Sheet(pixels, axes)


def _draw_photo(sheet: _Sheet, looked: LookedAt, photo: np.ndarray) -> None:
    """The whole photo, with a number at every face."""
    sheet.paste(photo, _MARGIN_PX, _MARGIN_PX)
    scale = photo.shape[1] / looked.photo.shape[1]
    corner = np.array([_MARGIN_PX, _MARGIN_PX])
    for i, box in enumerate(looked.boxes_xywh_px):
        corners = np.clip(box_corners(box) * scale, 0, [photo.shape[1] - 1, photo.shape[0] - 1]) + corner
        colour = _ACCENT if i == looked.chosen else _BOX
        sheet.line(np.vstack([corners, corners[:1]]), colour, 1.6)
        if len(looked.boxes_xywh_px) > 1:
            badge = {"boxstyle": "round,pad=0.2", "facecolor": colour, "edgecolor": "none"}
            style: Any = {"fontsize": 7.5, "fontweight": "bold", "color": _PAGE, "bbox": badge}
            sheet.axes.text(corners[0, 0], corners[0, 1], str(i + 1), ha="center", va="center", **style)


def _draw_face(sheet: _Sheet, looked: LookedAt, x: int) -> None:
    face = looked.face
    x0, y0, x1, y1 = face.crop_xyxy_px
    closeup = cut(looked.photo, np.array([(x0 + x1) / 2, (y0 + y1) / 2]), (x1 - x0) * _WINDOW, _HEIGHT_PX)
    sheet.paste(closeup.pixels, x, _MARGIN_PX)
    _draw_marks(sheet, closeup, marks_of(face.as_dict()), np.array([x, _MARGIN_PX]))


def _draw_marks(sheet: _Sheet, closeup: Closeup, marks: Marks, corner: np.ndarray) -> None:
    def place(points: np.ndarray) -> np.ndarray:
        inside: np.ndarray = np.clip(closeup.place(points), 0, closeup.pixels.shape[0] - 1)
        return np.asarray(inside + corner, np.float64)

    box = place(marks.box_px)
    sheet.line(np.vstack([box, box[:1]]), _BOX, 1.3)
    assert marks.landmarks_px is not None and marks.axes_px is not None
    dots = place(marks.landmarks_px)
    sheet.axes.plot(*dots.T, "o", color=_DOTS, markersize=3, markeredgecolor="#000000", markeredgewidth=0.6)
    origin, *tips = place(marks.axes_px)
    for tip, colour in zip(tips, _AXES, strict=True):
        along = tip - origin
        sheet.line(np.array([origin, tip]), colour, 2.6)
        head = along / max(float(np.hypot(*along)), 1e-6) * min(14.0, 0.5 * float(np.hypot(*along)))
        across = np.array([-head[1], head[0]])
        sheet.line(np.array([tip - head + 0.5 * across, tip, tip - head - 0.5 * across]), colour, 2.6)


def _write_pose(sheet: _Sheet, looked: LookedAt, x: int) -> None:
    face = looked.face
    y = _MARGIN_PX + 14
    number = f"Face {looked.chosen + 1} of {len(looked.faces)}" if len(looked.faces) > 1 else "The face"
    sheet.text(x, y, number, 11, _MUTED)
    for angle in ("yaw", "pitch", "roll"):
        value = float(getattr(face, f"{angle}_deg"))
        sheet.text(x, y + 46, angle, 11, _MUTED)
        sheet.text(x + 58, y + 46, f"{value:+.1f}°".replace("-", "\N{MINUS SIGN}"), 19, _INK, "bold")
        sheet.text(x + 58, y + 66, direction(angle, value), 9.5, _MUTED)
        y += 68
    y += 48
    for name, text in _facts(face):
        sheet.text(x, y, name, 9, _MUTED)
        sheet.text(x + 58, y, text, 9)
        y += 21
    for i, (colour, meaning) in enumerate(zip(_AXES, ("right", "down", "out of the face"), strict=True)):
        sheet.text(x + (0, 62, 124)[i], _MARGIN_PX + _HEIGHT_PX - 4, f"→ {meaning}", 9, colour)


def _facts(face: Face) -> list[tuple[str, str]]:
    return [
        ("rvec", ", ".join(f"{value:.3f}" for value in face.rvec_rad) + " rad"),
        ("tvec", ", ".join(f"{value:.0f}" for value in face.tvec_mm) + " mm"),
        ("box", ", ".join(f"{value:.0f}" for value in face.box_xywh_px) + " px"),
        ("sure", _confidence(face)),
    ]


def _confidence(face: Face) -> str:
    if face.confidence is None:
        return "not given by this network"
    error_deg = face.expected_error_deg
    return f"{face.confidence:.2f}" + ("" if error_deg is None else f" (about {error_deg:.0f}° off)")


def _draw_view(sheet: _Sheet, view: View, x: int, y: int) -> None:
    sheet.paste(view.image, x, y)
    mirrored = ", mirrored" if view.mirrored else ""
    label_y = y + view.image.shape[0] + _LABEL_PX - 8
    name = f"{view.yaw_deg:g}°"
    sheet.text(x, label_y, name, 10, _INK, "bold")
    sheet.text(x + 12 + 9 * len(name), label_y, f"{view.seen_fraction:.0%} seen{mirrored}", 9.5, _MUTED)


def _fit(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    averaging = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=averaging), np.uint8)
