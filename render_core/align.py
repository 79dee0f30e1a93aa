"""The upright crop of a face that recognition networks take, from the pose, not from five detected points."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float64, UInt8

from render_core.errors import RenderReject
from render_core.sight import MIRROR, checked_projection
from render_core.template import FIVE_POINTS_MM, Template, named_template, similarity

ARCFACE = named_template("arcface")
# A photo finer than this many pixels per pixel of the crop is averaged first.
_SHRINK_ABOVE = 1.5


@dataclass(frozen=True)
class AlignedFace:
    """The crop, and the map "2 3" from pixels of the photo to it."""

    image: UInt8[np.ndarray, "h w 3"]
    image_to_crop: Float64[np.ndarray, "2 3"]


def align_face(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    template: Template = ARCFACE,
    *,
    mirrored: bool = False,
) -> AlignedFace:
    """The face turned upright within the image plane and scaled to a template, black beyond the photo.

    Rotation, scale and shift are those that bring the five points of the head, placed in `image` by
    `projection`, nearest to the template's. The crop shows the photo as it is: left stays left.

    Args:
        image: the photo, or any part of it.
        projection: millimetres of the head frame to pixels of `image`.
        template: size of the crop, and where its five points are.
        mirrored: give the crop of the mirrored photo.

    Raises:
        RenderReject: a pose that is not finite or behind the camera.

    Example:
        >>> K = np.array([[2880.0, 0, 112], [0, 2880, 112], [0, 0, 1]])
        >>> pose = np.column_stack([np.eye(3), [0, 0, 2900.0]])
        >>> align_face(np.zeros((224, 224, 3), np.uint8), K @ pose).image.shape
        (112, 112, 3)
    """
    image_to_crop = pose_to_similarity(projection, template, mirrored=mirrored)
    return AlignedFace(warp(image, image_to_crop, template.size_wh_px), image_to_crop)


def pose_to_similarity(
    projection: Float[np.ndarray, "3 4"], template: Template = ARCFACE, *, mirrored: bool = False
) -> Float64[np.ndarray, "2 3"]:
    """The map from pixels of the photo to the upright crop; with a reflection if `mirrored`.

    Raises:
        RenderReject: a pose that is not finite or behind the camera.
    """
    P = checked_projection(projection)
    P = P @ MIRROR if mirrored else P
    homogeneous = FIVE_POINTS_MM @ P[:, :3].T + P[:, 3]
    if not (homogeneous[:, 2] * P[2, 3] > 0).all():
        raise RenderReject("pose_behind_camera", "a part of the face lies at or behind the camera")
    place = homogeneous[:, :2] / homogeneous[:, 2:]
    flip = np.diag([-1.0, 1.0]) if mirrored else np.eye(2)
    image_to_crop = similarity(place @ flip, template.points)
    image_to_crop[:, :2] = image_to_crop[:, :2] @ flip
    return image_to_crop


def warp(
    image: UInt8[np.ndarray, "h w 3"],
    image_to_crop: Float64[np.ndarray, "2 3"],
    size_wh_px: tuple[int, int],
) -> UInt8[np.ndarray, "crop_h crop_w 3"]:
    """What a map makes of a photo: a crop, black beyond the photo, averaged where the photo is finer."""
    scale = float(np.sqrt(abs(np.linalg.det(image_to_crop[:, :2]))))
    source, photo_to_source = image, np.eye(3)
    if scale < 1 / _SHRINK_ABOVE:
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        source = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        x, y = width / image.shape[1], height / image.shape[0]
        photo_to_source = np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2], [0.0, 0.0, 1.0]])
    source_to_crop = image_to_crop @ np.linalg.inv(photo_to_source)
    return np.asarray(cv2.warpAffine(source, source_to_crop, size_wh_px, flags=cv2.INTER_CUBIC))
