"""Thin-plate splines over directions: a smooth radius through measured points of a head."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class RadialSurface:
    """A surface around `centre_mm` whose distance from it is a smooth function of the direction."""

    centre_mm: Float[np.ndarray, "3"]
    directions: Float[np.ndarray, "n 3"]
    kernel_weights: Float[np.ndarray, " n"]
    linear: Float[np.ndarray, "4"]

    def radius_mm(self, directions: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, " m"]:
        """Distance of the surface from the centre along unit `directions`."""
        smooth = _kernel(directions, self.directions) @ self.kernel_weights
        return np.asarray(smooth + self.linear[0] + directions @ self.linear[1:])


def fit_radial_surface(
    points_mm: Float[np.ndarray, "n 3"], centre_mm: Float[np.ndarray, "3"], smoothing: float
) -> RadialSurface:
    """The thin-plate spline of the points' distances from the centre, over their directions.

    `smoothing` 0 passes through every point; larger values bend less (Wahba, Spline Models for Observational
    Data, 1990, chapter 2).
    """
    offsets = points_mm - centre_mm
    radii = np.linalg.norm(offsets, axis=1)
    directions = offsets / radii[:, None]
    count = len(points_mm)
    linear_terms = np.column_stack([np.ones(count), directions])
    # [ K + s I   T ] [ w ]   [ r ]
    # [ T'        0 ] [ c ] = [ 0 ]
    system = np.zeros((count + 4, count + 4))
    system[:count, :count] = _kernel(directions, directions) + smoothing * np.eye(count)
    system[:count, count:] = linear_terms
    system[count:, :count] = linear_terms.T
    solution = np.linalg.solve(system, np.append(radii, np.zeros(4)))
    return RadialSurface(centre_mm, directions, solution[:count], solution[count:])


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # r^2 log r, with r^2 = |a|^2 + |b|^2 - 2 a.b = 2 - 2 a.b for unit vectors
    squared = np.maximum(2.0 - 2.0 * (a @ b.T), 1e-24)
    return np.asarray(0.5 * squared * np.log(squared))
