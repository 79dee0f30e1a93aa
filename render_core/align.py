"""The upright crop of a face that recognition networks take, from the pose, not from five detected points."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.errors import RenderReject
from render_core.sight import MIRROR, checked_projection

# Eye centres, nose tip, mouth corners in a crop of 112 px: the template that recognition networks since
# ArcFace (Deng et al., CVPR 2019) are trained with.
TEMPLATE_SIZE_PX = 112
TEMPLATE_PX = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
# The same points among the 68 of 300-W, each the mean of some: the eye on the left of the image comes first.
_TEMPLATE_LANDMARKS = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47), (30,), (48,), (54,))
# A photo finer than this many pixels per pixel of the crop is averaged first.
_SHRINK_ABOVE = 1.5


@dataclass(frozen=True)
class AlignedFace:
    """The crop, and the similarity transform "2 3" that maps pixels of the photo to it."""

    image: UInt8[np.ndarray, "s s 3"]
    image_to_crop: Float[np.ndarray, "2 3"]


def align_face(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    landmarks_mm: Float[np.ndarray, "68 3"],
    *,
    size_px: int = TEMPLATE_SIZE_PX,
    mirrored: bool = False,
) -> AlignedFace:
    """The face turned upright within the image plane and scaled to the template, black beyond the photo.

    Rotation, scale and shift are those that bring the head's five points, placed in `image` by `projection`,
    nearest to the template's. A `mirrored` crop shows the mirrored face.

    Raises RenderReject for a pose that is not finite or behind the camera.
    """
    image_to_crop = pose_to_similarity(projection, landmarks_mm, size_px, mirrored=mirrored)
    scale = float(np.sqrt(abs(np.linalg.det(image_to_crop[:, :2]))))
    source, photo_to_source = image, np.eye(3)
    if scale < 1 / _SHRINK_ABOVE:
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        source = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        x, y = width / image.shape[1], height / image.shape[0]
        photo_to_source = np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2], [0.0, 0.0, 1.0]])
    source_to_crop = image_to_crop @ np.linalg.inv(photo_to_source)
    crop = cv2.warpAffine(source, source_to_crop, (size_px, size_px), flags=cv2.INTER_CUBIC)
    return AlignedFace(crop, image_to_crop)


def pose_to_similarity(
    projection: Float[np.ndarray, "3 4"],
    landmarks_mm: Float[np.ndarray, "68 3"],
    size_px: int,
    *,
    mirrored: bool = False,
) -> Float[np.ndarray, "2 3"]:
    """The map from pixels of the photo to an upright crop of `size_px`; with a reflection if `mirrored`."""
    P = checked_projection(projection)
    P = P @ MIRROR if mirrored else P
    points = np.stack([landmarks_mm[list(ids)].mean(axis=0) for ids in _TEMPLATE_LANDMARKS])
    homogeneous = points @ P[:, :3].T + P[:, 3]
    if not (homogeneous[:, 2] * P[2, 3] > 0).all():
        raise RenderReject("pose_behind_camera", "a part of the face lies at or behind the camera")
    place = homogeneous[:, :2] / homogeneous[:, 2:]
    # Pixel centres are integers: x' + 1/2 = s (x + 1/2).
    template = (TEMPLATE_PX + 0.5) * size_px / TEMPLATE_SIZE_PX - 0.5
    flip = np.diag([-1.0, 1.0]) if mirrored else np.eye(2)
    similarity = _similarity(place @ flip, template)
    similarity[:, :2] = similarity[:, :2] @ flip
    return similarity


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation, scale and shift "2 3" with the least squared distances from source to target points."""
    # As complex numbers: target = a source + b, a = sum conj(s) t / sum |s|^2 about the means.
    s = source @ [1, 1j]
    t = target @ [1, 1j]
    a = (np.conj(s - s.mean()) * (t - t.mean())).sum() / (abs(s - s.mean()) ** 2).sum()
    b = t.mean() - a * s.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
