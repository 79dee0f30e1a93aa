"""The poses that a network predicts for a batch of crops."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int
from numpy.typing import NDArray

from fpn_core.errors import GeometryError
from fpn_core.rotation import matrix_to_rvec, matrix_to_ypr_deg


@dataclass(frozen=True, eq=False)
class PoseBatch:
    """Poses of n crops, in the camera of the network's `NetworkSpec`, on the crop in which they were seen.

    A row for which the network gave no pose (NaN, inf, not a rotation) holds NaN: see `finite`.

    Attributes:
        rotation: proper rotations, head to camera.
        tvec_mm: translations in mm.
        confidence: 0 to 1 per pose, or None for a network that predicts none.

    Raises:
        GeometryError: arrays whose lengths or shapes do not fit.

    Example:
        >>> poses = PoseBatch(np.eye(3)[None], np.array([[0.0, 0.0, 3000.0]]))
        >>> len(poses), poses.rvec_rad.tolist(), poses.in_front.tolist()
        (1, [[0.0, 0.0, 0.0]], [True])
    """

    rotation: Float64[np.ndarray, "n 3 3"]
    tvec_mm: Float64[np.ndarray, "n 3"]
    confidence: Float[np.ndarray, " n"] | None = None

    def __post_init__(self) -> None:
        n = len(self.rotation)
        shapes = (self.rotation.shape, self.tvec_mm.shape)
        confidences = n if self.confidence is None else len(self.confidence)
        if shapes != ((n, 3, 3), (n, 3)) or confidences != n:
            raise GeometryError(
                f"a PoseBatch got rotations {shapes[0]}, translations {shapes[1]} and {confidences}"
                " confidences; expected (n, 3, 3), (n, 3) and n."
            )

    def __len__(self) -> int:
        return len(self.rotation)

    def __getitem__(
        self, rows: slice | Bool[np.ndarray, " n"] | Int[np.ndarray, " k"] | list[int]
    ) -> "PoseBatch":
        """Returns the rows of a slice, mask or list of indices, as a batch."""
        confidence = None if self.confidence is None else self.confidence[rows]
        return PoseBatch(self.rotation[rows], self.tvec_mm[rows], confidence)

    @property
    def finite(self) -> Bool[np.ndarray, " n"]:
        """True per row for which the network gave a pose."""
        with_rotation: NDArray[np.bool_] = np.isfinite(self.rotation).all(axis=(1, 2))
        with_translation: NDArray[np.bool_] = np.isfinite(self.tvec_mm).all(axis=1)
        return with_rotation & with_translation

    @property
    def in_front(self) -> Bool[np.ndarray, " n"]:
        """True per row whose head lies in front of the camera (t_z > 0)."""
        positive: NDArray[np.bool_] = self.tvec_mm[:, 2] > 0
        return positive

    @property
    def rvec_rad(self) -> Float64[np.ndarray, "n 3"]:
        """Rotation vectors."""
        return matrix_to_rvec(self.rotation)

    @property
    def ypr_deg(self) -> Float64[np.ndarray, "n 3"]:
        """Yaw, pitch and roll in degrees; the README of this package defines their signs."""
        return matrix_to_ypr_deg(self.rotation)
