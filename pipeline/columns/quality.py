"""Three plain numbers on how good the photo of a face is."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.template import FIVE_POINTS_MM

EYE_DISTANCE_MM = float(np.linalg.norm(FIVE_POINTS_MM[1] - FIVE_POINTS_MM[0]))
NAMES = ("eye_distance_px", "sharpness", "exposure")
# The face in an upright crop of 112 px, without hair and surroundings: rows and columns.
_MIDDLE = (slice(34, 98), slice(28, 84))


def eye_distance_px(projection: Float[np.ndarray, "3 4"]) -> float:
    """How many pixels of the photo lie between the eyes, whichever way the face looks.

    It is what a frontal face at the same place would have, so that a profile is not taken for a small face.

    Args:
        projection: millimetres of the head frame to pixels of the photo.
    """
    middle = FIVE_POINTS_MM[:2].mean(axis=0)
    x, y, depth = projection[:, :3] @ middle + projection[:, 3]
    # J = d(u, v) / d(X, Y, Z) = (P_uv - [u, v] P_w) / depth is a scaled rotation: |J|^2 = 2 scale^2.
    place = np.array([[x / depth], [y / depth]])
    jacobian = (projection[:2, :3] - place * projection[2, :3]) / depth
    return EYE_DISTANCE_MM * float(np.sqrt((jacobian**2).sum() / 2))


def sharpness(crop: UInt8[np.ndarray, "112 112 3"]) -> float:
    """Variance of the Laplacian of the grey upright crop, in squared levels of 0 to 255."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F, ksize=1)[_MIDDLE].var())


def exposure(crop: UInt8[np.ndarray, "112 112 3"]) -> float:
    """Mean grey level of the upright crop, as a share of white."""
    return float(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[_MIDDLE].mean() / 255)
