"""Pose from landmarks: 68 points of a photo and of a head, to the projection that joins them."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from render_core.errors import PoseError

# Fewer points leave a pose undetermined or hanging on single clicks.
_LEAST_POINTS = 6
_EXTENT_PX = 2.0
_CRITERIA = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-9)


@dataclass(frozen=True)
class LandmarkPose:
    """A pose in the pixels of the landmarks' photo. `rms_px` is the residual of the landmarks."""

    rvec_rad: Float[np.ndarray, "3"]
    tvec_mm: Float[np.ndarray, "3"]
    projection: Float[np.ndarray, "3 4"]
    rms_px: float

    @property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Head to camera."""
        return np.asarray(cv2.Rodrigues(self.rvec_rad)[0])


def landmarks_to_pose(
    landmarks_px: Float[np.ndarray, "n 2"],
    landmarks_mm: Float[np.ndarray, "n 3"],
    camera: Float[np.ndarray, "3 3"],
    known: Bool[np.ndarray, " n"] | None = None,
) -> LandmarkPose:
    """The pose with the smallest squared distance in pixels between `landmarks_px` and the projected head's.

    Landmarks that are NaN or not `known` are left out. The search starts from the best weak-perspective pose,
    whose depth is positive by construction. A search that starts from a linear solution, as the original's,
    can end with a face behind the camera and upside down.

    Raises PoseError for fewer than six landmarks, landmarks on one spot, or a search that does not end at a
    finite pose before the camera.
    """
    used = np.isfinite(landmarks_px).all(axis=1)
    if known is not None:
        used &= known
    if used.sum() < _LEAST_POINTS:
        raise PoseError(f"{used.sum()} usable landmarks: expected at least {_LEAST_POINTS}")
    px, mm = landmarks_px[used].astype(np.float64), landmarks_mm[used].astype(np.float64)
    if np.ptp(px, axis=0).max() < _EXTENT_PX:
        raise PoseError(f"all landmarks lie within {_EXTENT_PX:g} px: expected a face")
    rvec, tvec = _weak_perspective(px, mm, camera)
    rvec, tvec = cv2.solvePnPRefineLM(mm, px, camera, None, rvec, tvec, _CRITERIA)
    rvec, tvec = rvec.reshape(3), tvec.reshape(3)
    if not (np.isfinite(rvec).all() and np.isfinite(tvec).all() and tvec[2] > 0):
        raise PoseError(
            f"the landmarks lead to rvec {rvec}, tvec {tvec}: expected a face in front of the camera"
        )
    projection = camera @ np.column_stack([cv2.Rodrigues(rvec)[0], tvec])
    projected = mm @ projection[:, :3].T + projection[:, 3]
    residual = projected[:, :2] / projected[:, 2:] - px
    return LandmarkPose(rvec, tvec, projection, float(np.sqrt((residual**2).sum(axis=1).mean())))


def _weak_perspective(px: np.ndarray, mm: np.ndarray, camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pose of the affine camera nearest to the landmarks: x = s R[:2] X + offset."""
    px_mean, mm_mean = px.mean(axis=0), mm.mean(axis=0)
    affine = np.linalg.lstsq(mm - mm_mean, px - px_mean, rcond=None)[0].T
    if np.linalg.matrix_rank(affine) < 2:
        raise PoseError("the landmarks lie on a line: expected a face")
    # The nearest rotation to the two rows and their cross product.
    first, second = affine
    rows = np.stack([first, second, np.cross(first, second) / np.linalg.norm(affine, axis=1).mean()])
    U, _, Vt = np.linalg.svd(rows)
    R = U @ np.diag([1.0, 1.0, np.linalg.det(U @ Vt)]) @ Vt
    # s = f / z
    focal = (camera[0, 0] + camera[1, 1]) / 2
    depth = focal / np.linalg.norm(affine, axis=1).mean()
    middle = depth * np.linalg.solve(camera, [*px_mean, 1.0])
    return cv2.Rodrigues(R)[0], (middle - R @ mm_mean).reshape(3, 1)
