"""The same faces with worse photos: turned in the image plane, small, blurred."""

from typing import Literal, get_args

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

Condition = Literal["as they are", "turned 60-180", "20 px", "blurred"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)

TURNS_DEG = (60.0, 180.0)
SMALL_FACE_PX = 20
BLUR = 0.04
"""Standard deviation of the blur, in sides of the box."""

_SEED = 0


def spoil(
    condition: Condition,
    photo: UInt8[np.ndarray, "h w 3"],
    box_xywh_px: Float64[np.ndarray, " 4"],
    number: int,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Makes the photo of a face worse.

    Args:
        condition: in which way; turns are random by 60 to 180 degrees to either side.
        photo: BGR.
        box_xywh_px: box of the face.
        number: number of the face, on which the random turn depends.

    Returns:
        The photo, and the box of the face in it.
    """
    side = float(box_xywh_px[2:].max())
    if condition == "turned 60-180":
        rng = np.random.default_rng([_SEED, number])
        return turned(photo, box_xywh_px, float(rng.uniform(*TURNS_DEG) * rng.choice([-1, 1])))
    if condition == "20 px":
        height, width = photo.shape[:2]
        scale = min(SMALL_FACE_PX / side, 1.0)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        stretch = np.array([size[0] / width, size[1] / height])
        small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small), box_xywh_px * np.tile(stretch, 2)
    if condition == "blurred":
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), BLUR * side)), box_xywh_px
    return photo, box_xywh_px


def turned(
    photo: UInt8[np.ndarray, "h w 3"], box_xywh_px: Float64[np.ndarray, " 4"], angle_deg: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Turns a photo clockwise on a canvas that holds all of it, black around.

    Returns:
        The photo, and the square about the turned centre of the box, of the box's longer side.
    """
    height, width = photo.shape[:2]
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ turn.T
    low = np.floor(corners.min(axis=0))
    size = np.ceil(corners.max(axis=0) - low).astype(int)
    # Edges map onto each other: x' + 1/2 = R (x + 1/2) - low.
    shift = turn @ [0.5, 0.5] - low - 0.5
    image = cv2.warpAffine(
        photo, np.column_stack([turn, shift]), (int(size[0]), int(size[1])), flags=cv2.INTER_CUBIC
    )
    side = box_xywh_px[2:].max()
    centre = turn @ (box_xywh_px[:2] + box_xywh_px[2:] / 2) - low
    return np.asarray(image), np.array([*(centre - side / 2), side, side])
