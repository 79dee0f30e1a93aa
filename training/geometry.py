"""Poses under changes of the crop: what the labels become when a crop is moved, scaled, turned or mirrored.

All poses are told in one camera, "fpn-227" of `fpn_core` (FacePoseNet, Chang et al., ICCVW 2017), on whatever
window is looked at. Pixels are 0-based with centres at integers.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from fpn_core import nearest_rotation
from fpn_core.camera import FPN_227

FOCAL_PX = FPN_227.focal_px[0]
PRINCIPAL_PX = FPN_227.centre_px[0]
REFERENCE_PX = FPN_227.size_px


class Window(NamedTuple):
    """What a network sees: pixels of its side, and its side in sides of the face's box."""

    size_px: int
    to_box: float


JAW_POINTS, POINTS_WITHOUT_JAW = slice(0, 17), slice(17, 68)
"""Rows of the 68 points of 300-W along the jaw, and of the others."""

# The 68 points of 300-W in the order in which the mirrored face has them.
_MIRRORED_GROUPS = (
    range(16, -1, -1), range(26, 16, -1), range(27, 31), range(35, 30, -1), (45, 44, 43, 42, 47, 46),
    (39, 38, 37, 36, 41, 40), range(54, 47, -1), range(59, 54, -1), range(64, 59, -1), range(67, 64, -1),
)  # fmt: skip
MIRRORED_LANDMARKS = np.array([point for group in _MIRRORED_GROUPS for point in group])


MIRROR = np.diag([-1.0, 1.0, 1.0])
"""What a mirror does to points; a rotation R becomes M R M."""


def nearest_where_known(matrices: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 3 3"]:
    """The rotations nearest to matrices, means of rotations for example; NaN where a matrix has one."""
    known = np.isfinite(matrices).all(axis=(1, 2))
    found = np.full_like(matrices, np.nan)
    found[known] = nearest_rotation(matrices[known])
    return found


def counted_points(contour: bool) -> slice:
    """Rows of the 68 points that count, with those along the jaw or without."""
    return slice(None) if contour else POINTS_WITHOUT_JAW


def scaled_camera(side_px: float) -> Float[np.ndarray, "3 3"]:
    """K of "fpn-227" in pixels of a crop of `side_px`: pixel areas map onto each other."""
    # x' + 1/2 = s (x + 1/2)
    scale = side_px / REFERENCE_PX
    centre = scale * (PRINCIPAL_PX + 0.5) - 0.5
    return np.array([[scale * FOCAL_PX, 0, centre], [0, scale * FOCAL_PX, centre], [0, 0, 1]])


def fit_translation(
    rotation: Float[np.ndarray, "n 3 3"],
    points_px: Float[np.ndarray, "n m 2"],
    points_mm: Float[np.ndarray, "m 3"],
    camera: Float[np.ndarray, "3 3"],
) -> Float[np.ndarray, "n 3"]:
    """Translations in mm with which heads of known rotation project closest to their points.

    Linear least squares on (u - c)(Z + t_z) = f (X + t_x), and the same for v: exact for exact points. Points
    that are NaN do not count; with fewer than two others the translation is NaN.
    """
    turned = np.einsum("nij,mj->nmi", rotation, points_mm)
    seen = points_px - camera[:2, 2]
    n, m = seen.shape[:2]
    A = np.zeros((n, m, 2, 3))
    A[:, :, 0, 0] = A[:, :, 1, 1] = camera[0, 0]
    A[:, :, :, 2] = -seen
    b = seen * turned[:, :, 2:] - camera[0, 0] * turned[:, :, :2]
    known = np.isfinite(points_px).all(axis=2)
    A, b = np.where(known[:, :, None, None], A, 0), np.where(known[:, :, None], b, 0)
    A, b = A.reshape(n, 2 * m, 3), b.reshape(n, 2 * m, 1)
    normal = A.transpose(0, 2, 1)
    enough = known.sum(axis=1) >= 2
    solved: NDArray[np.float64] = np.full((n, 3), np.nan)
    solved[enough] = np.linalg.solve(normal[enough] @ A[enough], normal[enough] @ b[enough])[:, :, 0]
    return solved


def pose_under_similarity(
    rotation: Float[np.ndarray, "3 3"],
    tvec_mm: Float[np.ndarray, "3"],
    before: Float[np.ndarray, "3 3"],
    similarity: Float[np.ndarray, "2 3"],
    after: Float[np.ndarray, "3 3"],
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """The pose in a crop that a similarity (turn, scale, shift of pixels) makes of another.

    `before` and `after` are the two crops' K. The crop's camera looks straight at its middle, so that a head
    moved in the crop is seen from another side: its rotation changes by the turn between the two lines of
    sight. Exact where the head is small against its distance.
    """
    a, b = similarity[0, 0], similarity[1, 0]
    scale = np.hypot(a, b)
    turn = np.array([[a / scale, -b / scale, 0], [b / scale, a / scale, 0], [0, 0, 1]])
    place = before[:2] @ (tvec_mm / tvec_mm[2])
    moved = similarity[:, :2] @ place + similarity[:, 2]
    ray_before = tvec_mm / tvec_mm[2]
    ray_after = np.append((moved - after[:2, 2]) / after[0, 0], 1.0)
    # f' / Z' = scale f / Z: a millimetre has so many pixels.
    depth = tvec_mm[2] * after[0, 0] / (scale * before[0, 0])
    moved_rotation = _turn_to(ray_after) @ turn @ _turn_to(ray_before).T @ rotation
    return moved_rotation, depth * ray_after


def _turn_to(ray: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation that takes the optical axis to a line of sight (Rodrigues' formula)."""
    direction = ray / np.linalg.norm(ray)
    x, y, z = direction
    # R = I + [v]x + [v]x^2 / (1 + c) with v = e_z x direction, c = e_z . direction
    v = np.array([[0, 0, x], [0, 0, y], [-x, -y, 0]])
    return np.asarray(np.eye(3) + v + v @ v / (1 + z))


def mirrored_labels(
    rotation: Float[np.ndarray, "3 3"],
    tvec_mm: Float[np.ndarray, "3"],
    points_px: Float[np.ndarray, "m 2"],
    side_px: float,
    camera: Float[np.ndarray, "3 3"],
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"], Float[np.ndarray, "m 2"]]:
    """Labels of the crop with its columns reversed, for a head that is its own mirror image."""
    # x' = (side - 1) - x = f (-X) / Z + (side - 1 - c), to be read with c again
    shift = (side_px - 1 - 2 * camera[0, 2]) / camera[0, 0] * tvec_mm[2]
    points = points_px[MIRRORED_LANDMARKS] * [-1, 1] + [side_px - 1, 0]
    return MIRROR @ rotation @ MIRROR, MIRROR @ tvec_mm + [shift, 0, 0], points
