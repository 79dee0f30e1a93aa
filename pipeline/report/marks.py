"""Where a face's box, landmarks and axes lie in a picture that was cut out of its photo."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from fpn_core import project
from fpn_core.camera import axes_before_nose_mm
from fpn_core.crop import area_map


@dataclass(frozen=True)
class Closeup:
    """A square piece of a photo, scaled."""

    pixels: np.ndarray
    """uint8 (s, s, 3), BGR."""
    to_closeup: np.ndarray
    """float64 (2, 3): pixels of the photo to pixels of this picture, centre to centre."""

    def place(self, points_xy_px: np.ndarray) -> np.ndarray:
        """Points of the photo, float (n, 2), in this picture."""
        return np.asarray(points_xy_px @ self.to_closeup[:, :2].T + self.to_closeup[:, 2], np.float64)


@dataclass(frozen=True)
class Marks:
    """What is drawn over a photo, in its pixels."""

    box_px: np.ndarray
    """float64 (4, 2): corners."""
    axes_px: np.ndarray | None = None
    """float64 (4, 2): origin, then the tips of x (right), y (down) and out of the face."""
    landmarks_px: np.ndarray | None = None
    """float64 (68, 2)."""


def box_corners(box_xywh_px: np.ndarray) -> np.ndarray:
    """float64 (4, 2): the corners of a box, from its upper left one clockwise."""
    x, y, width, height = np.asarray(box_xywh_px, np.float64)
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def marks_of(record: dict[str, Any]) -> Marks:
    """The marks of a posed face, from its row of the poses."""
    projection = np.array(record["projection"], np.float64).reshape(1, 3, 4)
    landmarks = record.get("landmarks_xy_px")
    return Marks(
        box_corners(record["box_xywh_px"]),
        project(axes_before_nose_mm(), projection)[0],
        None if landmarks is None else np.array(landmarks, np.float64).reshape(68, 2),
    )


def cut(photo: np.ndarray, centre_xy_px: np.ndarray, side_px: float, size_px: int) -> Closeup:
    """The square of `side_px` around a point of a photo, drawn at `size_px`; black beyond the photo.

    photo: uint8 (h, w, 3). What is shrunk is averaged, so that large photos do not alias.
    """
    height, width = photo.shape[:2]
    scale = size_px / side_px
    corner = np.asarray(centre_xy_px, np.float64) - side_px / 2
    x0, y0 = np.clip(np.floor(corner) - 2, 0, [width - 1, height - 1]).astype(int)
    x1, y1 = np.clip(np.ceil(corner + side_px) + 2, [x0 + 1, y0 + 1], [width, height]).astype(int)
    part = photo[y0:y1, x0:x1]
    shrink = min(1.0, scale)
    size = (max(1, round((x1 - x0) * shrink)), max(1, round((y1 - y0) * shrink)))
    if shrink < 1:
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    # `corner` counts from the centre of the first pixel, `area_map` from its edge.
    to_closeup = area_map(corner[None] + 0.5, np.full((1, 2), scale))[0][:2]
    part_scale = np.array([[size[0] / (x1 - x0), size[1] / (y1 - y0)]])
    part_to_photo = np.linalg.inv(area_map(np.array([[x0, y0]], dtype=np.float64), part_scale)[0])
    sampling = cv2.INTER_LINEAR if shrink < 1 else cv2.INTER_CUBIC
    pixels = cv2.warpAffine(part, to_closeup @ part_to_photo, (size_px, size_px), flags=sampling)
    return Closeup(np.asarray(pixels, np.uint8), to_closeup)
