"""The camera in which a pose is given, and projections from the head into crops and whole images.

A pose alone places no pixel: its camera is defined on the crop, so the crop's window belongs to it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

from fpn_core.crop import crop_to_image, image_to_crop
from fpn_core.errors import GeometryError


@dataclass(frozen=True)
class Camera:
    """A pinhole camera on the pixels of a square crop of `size_px`, whatever size a network reads it in.

    Attributes:
        name: its name in the metadata of networks.
        focal_px: focal lengths in x and y.
        centre_px: principal point in x and y.
        size_px: side of the crop that these pixels count.

    Raises:
        GeometryError: numbers that are not finite, or a focal length or size that is not above 0.

    Example:
        >>> Camera("mine", (1000.0, 1000.0), (63.5, 63.5), 128).matrix[0].tolist()
        [1000.0, 0.0, 63.5]
    """

    name: str
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    size_px: int

    def __post_init__(self) -> None:
        numbers = np.array([*self.focal_px, *self.centre_px, self.size_px], float)
        if not (np.isfinite(numbers).all() and min(*self.focal_px, self.size_px) > 0):
            raise GeometryError(
                f"camera {self.name!r} has focal_px={self.focal_px}, centre_px={self.centre_px},"
                f" size_px={self.size_px}; expected finite pixels, focal lengths and size above 0."
            )

    @property
    def matrix(self) -> Float64[np.ndarray, "3 3"]:
        """K, from camera coordinates to homogeneous pixels of the crop."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


FPN_227 = Camera("fpn-227", (2880.0, 2880.0), (112.0, 112.0), 227)
"""The camera of FacePoseNet (Chang et al., ICCVW 2017). Its centre is that of 224 px while its crop has
227: the original's own choice, with which its networks and labels were made."""


def projection_to_image(
    rotation: Float[np.ndarray, "n 3 3"],
    tvec_mm: Float[np.ndarray, "n 3"],
    window_xyxy_px: Int[np.ndarray, "n 4"],
    camera: Camera = FPN_227,
) -> Float64[np.ndarray, "n 3 4"]:
    """Makes the projections from the head frame to pixels of the whole image.

    Args:
        rotation: rotations of the poses, head to camera.
        tvec_mm: translations of the poses.
        window_xyxy_px: the windows of the crops in which the poses were seen.
        camera: the camera of the poses.

    Returns:
        One 3 x 4 matrix per pose, from millimetres of the head frame to homogeneous pixels.

    Example:
        >>> window = np.array([[65, 75, 215, 225]])
        >>> P = projection_to_image(np.eye(3)[None], np.array([[0.0, 0.0, 3000.0]]), window)
        >>> project(np.zeros((1, 3)), P).round(2).tolist()
        [[[138.84, 148.84]]]
    """
    pose = np.concatenate([rotation, tvec_mm[:, :, None]], axis=2).astype(np.float64)
    # P = (crop to image) K [R | t]
    projection: NDArray[np.float64] = crop_to_image(window_xyxy_px, camera.size_px) @ camera.matrix @ pose
    return projection


def projection_to_crop(
    projection_to_image: Float[np.ndarray, "n 3 4"], window_xyxy_px: Int[np.ndarray, "n 4"], size_px: int
) -> Float64[np.ndarray, "n 3 4"]:
    """Turns projections to the image into projections to crops in other windows.

    Exact: no pose is approximated.

    Args:
        projection_to_image: projections from the head frame (mm) to pixels of the image.
        window_xyxy_px: the windows of the crops.
        size_px: side of the crops.

    Returns:
        One 3 x 4 matrix per pose, from millimetres of the head frame to homogeneous pixels of the crop.

    Example:
        >>> P = np.array([[[1.0, 0, 0, 100], [0, 1, 0, 50], [0, 0, 0, 1]]])
        >>> projection_to_crop(P, np.array([[50, 0, 150, 100]]), 200)[0, 0].tolist()
        [2.0, 0.0, 0.0, 100.5]
    """
    projection: NDArray[np.float64] = image_to_crop(window_xyxy_px, size_px) @ projection_to_image
    return projection


def project(
    points_mm: Float[np.ndarray, "m 3"], projection: Float[np.ndarray, "n 3 4"]
) -> Float64[np.ndarray, "n m 2"]:
    """Projects points of the head.

    Args:
        points_mm: m points in the head frame.
        projection: n projections to homogeneous pixels.

    Returns:
        Pixels (x, y) per projection and point; NaN for points that are not in front of the camera.

    Example:
        >>> P = np.array([[[1000.0, 0, 64, 64000], [0, 1000, 64, 64000], [0, 0, 1, 1000]]])
        >>> project(np.array([[0.0, 0, 0], [10, 0, 0]]), P).tolist()
        [[[64.0, 64.0], [74.0, 64.0]]]
    """
    # Projections end in the row (0, 0, 1) times [R | t], so the third coordinate is the depth in mm.
    seen = np.einsum("nij,mj->nmi", projection[:, :, :3], points_mm) + projection[:, None, :, 3]
    depth = np.where(seen[:, :, 2:] > 0, seen[:, :, 2:], np.nan)
    pixels: NDArray[np.float64] = seen[:, :, :2] / depth
    return pixels


def mirror_pose(
    rotation: Float[np.ndarray, "n 3 3"], tvec_mm: Float[np.ndarray, "n 3"], camera: Camera = FPN_227
) -> tuple[Float64[np.ndarray, "n 3 3"], Float64[np.ndarray, "n 3"]]:
    """Computes the poses of the mirrored crops (columns reversed), for a head that is its own mirror image.

    Rotation and distance are exact. The sideways shift makes up for a centre cx that is not the crop's middle
    (112 against 113 in "fpn-227"); it is exact for points at the distance of the head's origin, and off by
    0.04 px for the nose, which is 55 mm nearer.

    Args:
        rotation: rotations of the poses.
        tvec_mm: translations of the poses.
        camera: the camera of the poses.

    Returns:
        Rotations and translations in mm of the mirrored crops.

    Example:
        >>> rotation, tvec_mm = mirror_pose(np.eye(3)[None], np.array([[10.0, 0.0, 2880.0]]))
        >>> tvec_mm.tolist()
        [[-8.0, 0.0, 2880.0]]
    """
    mirror = np.diag([-1.0, 1.0, 1.0])
    # Mirrored pixel: x' = (size - 1) - x = fx (-X)/Z + (size - 1 - cx), to be read with cx again.
    shift_px = camera.size_px - 1 - 2 * camera.centre_px[0]
    mirrored_tvec = tvec_mm.astype(np.float64) @ mirror
    mirrored_tvec[:, 0] += shift_px / camera.focal_px[0] * tvec_mm[:, 2]
    return mirror @ rotation.astype(np.float64) @ mirror, mirrored_tvec


def axes_points_mm(length_mm: float = 60.0) -> Float64[np.ndarray, "4 3"]:
    """Returns points to draw a pose with: the head's origin and the tips of its axes.

    Args:
        length_mm: length of the axes.

    Returns:
        Origin, and the tips to the right of the image, down, and out of the face.

    Example:
        >>> axes_points_mm(50.0)[3].tolist()
        [0.0, 0.0, -50.0]
    """
    return length_mm * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1]], np.float64)


def axes_before_nose_mm() -> Float64[np.ndarray, "4 3"]:
    """Returns the points of `axes_points_mm` for axes of 70 mm that start just in front of the nose.

    Drawn over a face, all three axes are visible.
    """
    return np.asarray(axes_points_mm(70.0) + np.array([0.0, 0.0, -60.0]))
