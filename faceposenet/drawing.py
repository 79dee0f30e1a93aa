"""Poses drawn on their photo."""

from collections.abc import Iterable

import cv2
import numpy as np

from faceposenet.face import Face, Rejected
from faceposenet.photo_arguments import Channels, Photo, whole_photo
from faceposenet.picture import Picture
from fpn_core import project
from fpn_core.camera import axes_before_nose_mm

_AXES_BGR = ((0, 0, 255), (0, 200, 0), (255, 80, 0))  # x right, y down, out of the face
_LANDMARK_BGR = (0, 255, 255)
_BOX_BGR = (255, 255, 255)
_SHIFT = 4  # OpenCV draws at fractions of a pixel when given sixteenths


def draw(
    photo: Photo,
    faces: Face | Rejected | Iterable[Face | Rejected],
    *,
    axes: bool = True,
    landmarks: bool = True,
    box: bool = False,
    channels: Channels = "BGR",
) -> Picture:
    """The photo with the poses of its faces: red to the face's side, green down, blue out of the face.

    Args:
        photo: uint8 (height, width, 3), or a path or URI of an image file.
        faces: one face or many; rejected ones are left out.
        axes: draw the axes of the head.
        landmarks: draw the 68 landmarks.
        box: draw the face box.
        channels: order of the channels of `photo`, where it is an array.

    Raises:
        FaceRejectedError: the photo cannot be read.
        InputError: what is no photo.
    """
    canvas = whole_photo(photo, channels).copy()
    for face in [faces] if isinstance(faces, Face | Rejected) else faces:
        if isinstance(face, Rejected):
            continue
        x0, _, x1, _ = face.crop_xyxy_px
        thickness = max(1, round(float(x1 - x0) / 120))
        if box:
            corner, size = face.box_xywh_px[:2], face.box_xywh_px[2:]
            cv2.rectangle(
                canvas, _fixed(corner), _fixed(corner + size), _BOX_BGR, thickness, cv2.LINE_AA, _SHIFT
            )
        if landmarks:
            radius = round(0.8 * thickness * 2**_SHIFT)
            for point in face.landmarks_xy_px:
                cv2.circle(canvas, _fixed(point), radius, _LANDMARK_BGR, cv2.FILLED, cv2.LINE_AA, _SHIFT)
        if axes:
            origin, *tips = project(axes_before_nose_mm(), face.projection[None])[0]
            for tip, colour in zip(tips, _AXES_BGR, strict=True):
                cv2.arrowedLine(
                    canvas,
                    _fixed(origin),
                    _fixed(tip),
                    colour,
                    2 * thickness,
                    cv2.LINE_AA,
                    _SHIFT,
                    tipLength=0.2,
                )
    return Picture(canvas)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """A point in sixteenths of a pixel, within what OpenCV can hold."""
    x, y = np.clip(np.nan_to_num(point), -1e5, 1e5) * 2**_SHIFT
    return round(float(x)), round(float(y))
