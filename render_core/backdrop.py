"""The surface behind a head: where pixels that miss the head look for hair, shoulders and background.

A view turned by the angle a against the photo is filled from a plane turned by a / 2. On that plane, and on
no other, a millimetre of the photo stays a millimetre of the view, so that nothing is squeezed or smeared.
Its distance follows the head. On the far side it meets the silhouette of the view where it also meets the
silhouette of a frontal photo: next to the nose of a profile stands what stood next to the cheek. On the near
side it leaves the head along the silhouette of a frontal photo, behind the ear, and hides the back of the
head, which no frontal photo shows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from render_core.errors import HeadError

_FORWARD = np.array([0.0, 0.0, 1.0])
# Below the first angle between photo and view the backdrop is a frontal plane, the limit of the formulas
# (0 / 0); beyond the second, a plane at half the angle is seen too obliquely to be of use.
_FRONTAL_RAD = np.deg2rad(0.5)
_LARGEST_RAD = np.deg2rad(120.0)
# Outlines of the head are taken in slices across the turn and smoothed, so that no ripple shows behind it.
_SLICE_MM = 4.0
_SMOOTH_SLICES = 4.0


@dataclass(frozen=True)
class _Backdrop:
    """Parallel planes normal . p = distance, whose distance varies slowly with the place on them.

    Places are measured `along` the turn of the view, positive to the side of the head that it shows, and
    `across` it. `near_mm`, `far_mm` and the two ends of the stretch that joins them are given for `slices_mm`
    across.
    """

    normal: np.ndarray
    along: np.ndarray
    across: np.ndarray
    slices_mm: np.ndarray
    near_mm: np.ndarray
    far_mm: np.ndarray
    near_end_mm: np.ndarray
    far_end_mm: np.ndarray

    def distance_mm(self, points: np.ndarray) -> np.ndarray:
        """The distance of the backdrop's plane at the place of each of the points "h w 3"."""
        across = points @ self.across
        near, far, near_end, far_end = (
            np.interp(across, self.slices_mm, values)
            for values in (self.near_mm, self.far_mm, self.near_end_mm, self.far_end_mm)
        )
        # 3 s^2 - 2 s^3: from the far to the near plane without a kink
        share = np.clip((points @ self.along - far_end) / (near_end - far_end), 0.0, 1.0)
        return np.asarray(far + share**2 * (3 - 2 * share) * (near - far))


def backdrop_points(
    vertices_mm: Float[np.ndarray, "v 3"], projection: Float[np.ndarray, "3 4"], size_hw: tuple[int, int]
) -> Float[np.ndarray, "h w 3"]:
    """For every pixel of a view the point of the head frame where its ray meets the backdrop.

    `vertices_mm` are those of the head; `projection` is K [R|t] with a last row of K of 0 0 1. Where the head
    is hit at a smaller depth the head is seen, elsewhere the backdrop: also before the back of the head.

    Raises HeadError when the projection has no camera centre or looks from behind.
    """
    M = projection[:, :3]
    if abs(np.linalg.det(M)) < 1e-9:
        raise HeadError("projection without a camera centre: expected K [R|t] with an invertible K R")
    centre = -np.linalg.solve(M, projection[:, 3])
    y, x = np.mgrid[0 : size_hw[0], 0 : size_hw[1]]
    rays = np.stack([x, y, np.ones(size_hw)], axis=-1) @ np.linalg.inv(M).T
    backdrop = _place(vertices_mm, M[2] / np.linalg.norm(M[2]))

    # Ray and plane: normal . (centre + s ray) = distance
    towards = rays @ backdrop.normal
    middle_mm = (backdrop.near_mm.mean() + backdrop.far_mm.mean()) / 2
    first_guess = centre + ((middle_mm - backdrop.normal @ centre) / towards)[..., None] * rays
    distance = backdrop.distance_mm(first_guess)
    return np.asarray(centre + ((distance - backdrop.normal @ centre) / towards)[..., None] * rays)


def _place(vertices_mm: np.ndarray, axis: np.ndarray) -> _Backdrop:
    """The backdrop of a view along the unit vector `axis` of the head frame."""
    angle = np.arccos(np.clip(axis @ _FORWARD, -1, 1))
    if angle > _LARGEST_RAD:
        raise HeadError(
            f"the view looks from {np.rad2deg(angle):.0f} degrees off the front: expected at most "
            f"{np.rad2deg(_LARGEST_RAD):.0f}"
        )
    frontal = angle < _FRONTAL_RAD
    # The view turns within the plane of the two axes.
    turn = np.array([1.0, 0.0, 0.0]) if frontal else _unit(_FORWARD - axis)
    normal = _unit(axis + _FORWARD)
    in_photo = _unit(turn - (turn @ _FORWARD) * _FORWARD)
    in_view = _unit(turn - (turn @ axis) * axis)
    across = np.cross(in_photo, _FORWARD)

    place, edge = _outline(vertices_mm, in_photo, across)
    far_photo = _outline(vertices_mm, -in_photo, across)[1] @ -in_photo
    far_view = _outline(vertices_mm, -in_view, across)[1] @ -in_view
    near_mm = edge @ normal
    # The far silhouettes, W in a frontal photo and h in the view, are both met by the plane at distance d:
    # -W = -d sin(a/2) + b cos(a/2),  -h = d sin(a/2) + b cos(a/2)   =>   d = (W - h) / (2 sin(a/2))
    far_mm = near_mm if frontal else (far_photo - far_view) / (2 * np.sin(angle / 2))
    return _Backdrop(
        normal=normal,
        along=turn,
        across=across,
        slices_mm=place,
        near_mm=_smooth(near_mm),
        far_mm=_smooth(far_mm),
        near_end_mm=_smooth(edge @ turn),
        far_end_mm=_smooth(-(far_photo + far_view) / (2 * np.cos(angle / 2))),
    )


def _outline(
    vertices_mm: np.ndarray, outward: np.ndarray, across: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places of slices across a head, and of each the outermost vertex "slices 3"."""
    place = vertices_mm @ across
    first = np.floor(place.min() / _SLICE_MM)
    number = np.floor(place / _SLICE_MM).astype(np.int64) - int(first)
    # The last row of each slice after sorting by slice and by how far out.
    order = np.lexsort((vertices_mm @ outward, number))
    last = np.flatnonzero(np.append(np.diff(number[order]) > 0, True))
    outermost = order[last]
    filled = number[outermost]
    slices = np.arange(number.max() + 1)
    edge = np.column_stack([np.interp(slices, filled, vertices_mm[outermost, k]) for k in range(3)])
    return (slices + first + 0.5) * _SLICE_MM, edge


def _smooth(values: np.ndarray) -> np.ndarray:
    """Neighbouring slices averaged with Gaussian weights; beyond the ends the last value goes on."""
    reach = int(3 * _SMOOTH_SLICES)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SMOOTH_SLICES) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.asarray(np.convolve(padded, weights / weights.sum(), mode="valid"))


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))
