"""Eyes: a ball between two lids. The lids end where the opening between them begins."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_REACH_MM = 30.0


@dataclass(frozen=True)
class Eye:
    """The left eye: a ball behind an opening from the inner to the outer corner.

    Corners are (lateral, down) as seen from the front. The lids rise `upper_mm` above and `lower_mm` below
    the line between them, highest at the given shares of the way to the outer corner. They are `lid_mm`
    thick, their margin reaches from the first to the second of `margin_mm` outside the opening, and they run
    into the brow and the cheek over `upper_blend_mm` and `lower_blend_mm`. Within the opening the face lies
    `sink_mm` lower, so that the corners are not filled.
    """

    centre_mm: tuple[float, float, float]
    ball_radius_mm: float
    inner_mm: tuple[float, float]
    outer_mm: tuple[float, float]
    upper_mm: float
    upper_peak: float
    lower_mm: float
    lower_peak: float
    lid_mm: float
    margin_mm: tuple[float, float]
    upper_blend_mm: float
    lower_blend_mm: float
    sink_mm: float

    def set_into(
        self, face_mm: Float[np.ndarray, " n"], points: Float[np.ndarray, "n 3"]
    ) -> Float[np.ndarray, " n"]:
        """The signed distances `face_mm` of a face at the points, after this eye is set into it."""
        offset = points - np.array(self.centre_mm)
        from_centre = np.sqrt(np.einsum("ij,ij->i", offset, offset))
        near = from_centre < _REACH_MM
        closed = smooth_step(self._outside_opening_mm(points[near]), *self.margin_mm)
        face = face_mm[near] + self.sink_mm * (1.0 - closed)
        eye = from_centre[near] - self.ball_radius_mm - self.lid_mm * closed
        above = smooth_step(-offset[near, 1], -1.0, 3.0)
        blend = self.lower_blend_mm + above * (self.upper_blend_mm - self.lower_blend_mm)
        # The rounded minimum of solids.py, with a narrow seam above the eye (a fold) and a wide one below.
        overlap = np.maximum(blend - np.abs(face - eye), 0.0) / blend
        out = face_mm.copy()
        out[near] = np.minimum(face, eye) - 0.25 * blend * overlap**2
        return out

    def _outside_opening_mm(self, points: np.ndarray) -> np.ndarray:
        """How far a point lies outside the opening, seen from the front; negative inside."""
        (inner_x, inner_y), (outer_x, outer_y) = self.inner_mm, self.outer_mm
        along = (points[:, 0] - inner_x) / (outer_x - inner_x)
        line = inner_y + along * (outer_y - inner_y)
        upper = line - self.upper_mm * _arch(along, self.upper_peak)
        lower = line + self.lower_mm * _arch(along, self.lower_peak)
        beyond_lids = np.maximum(upper - points[:, 1], points[:, 1] - lower)
        beyond_corners = np.maximum(-along, along - 1.0) * (outer_x - inner_x)
        return np.asarray(np.maximum(beyond_lids, beyond_corners))


def smooth_step(values: Float[np.ndarray, " n"], start: float, stop: float) -> Float[np.ndarray, " n"]:
    """0 before `start`, 1 beyond `stop` (which may be smaller), without a kink between."""
    # 3 s^2 - 2 s^3
    share = np.clip((values - start) / (stop - start), 0.0, 1.0)
    return np.asarray(share**2 * (3.0 - 2.0 * share))


def _arch(along: np.ndarray, peak: float) -> np.ndarray:
    # Two quarter ellipses: 0 at both ends, 1 at the peak.
    along = np.clip(along, 0.0, 1.0)
    from_end = np.where(along < peak, along / peak, (1.0 - along) / (1.0 - peak))
    return np.sqrt(np.clip(1.0 - (1.0 - from_end) ** 2, 0.0, 1.0))
