"""The named forms in which a network may give a pose. A new form is one function and one line in a table.

Rotations (README.md of this package says what each number means):

    matrix, rvec                              nine numbers; axis times angle in radians
    6d_columns, 6d_rows                       the first two columns, or rows, of the matrix
    quaternion_wxyz, quaternion_xyzw          any length but 0
    ypr_deg, aflw_pyr_deg                     this project's angles; those of AFLW2000-3D and 300W-LP
    euler_{intrinsic,extrinsic}_AXES_{deg,rad}   AXES from xyz, no letter twice in a row, such as zyx or zxz
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray

from fpn_core.camera import Camera
from fpn_core.rotation import (
    aflw_to_head_rotation,
    nearest_rotation,
    rotation_about_axis,
    rvec_to_matrix,
    ypr_deg_to_matrix,
)

Axes = Literal["y_down", "y_up"]
Direction = Literal["head_to_camera", "camera_to_head"]

Y_UP = np.diag([1.0, -1.0, -1.0])
"""F: turns x right, y up, z towards the viewer into x right, y down, z away, and back."""

_TINY = 1e-6
"""Numbers of a network shorter than this have no direction, in any unit that a form uses."""


@dataclass(frozen=True)
class RotationForm:
    """Shape of one row of the output, and how a batch becomes proper rotations, with NaN where there is
    none. `own_axes`: the form says itself in which axes its angles count."""

    shape: tuple[int, ...]
    to_matrix: Callable[[Float[np.ndarray, "n ..."]], Float64[np.ndarray, "n 3 3"]]
    own_axes: bool = False


@dataclass(frozen=True)
class TranslationForm:
    """Shape of one row of the output, and how a batch becomes translations in mm in the network's camera.
    `in_pixels`: the values count image pixels, whatever the axes of the head are."""

    shape: tuple[int, ...]
    to_tvec_mm: Callable[[Float[np.ndarray, "n ..."], Camera], Float64[np.ndarray, "n 3"]]
    in_pixels: bool = False


def to_head_rotation(
    rotation: Float64[np.ndarray, "n 3 3"], axes: Axes, direction: Direction
) -> Float64[np.ndarray, "n 3 3"]:
    """Rotations of this project (head to camera, y down) from those that a network predicts in other axes or
    the other way round."""
    if direction == "camera_to_head":
        rotation = np.swapaxes(rotation, 1, 2)
    # Both the head's and the camera's axes are turned: R = F R' F.
    return Y_UP @ rotation @ Y_UP if axes == "y_up" else rotation


def _six_columns(values: Float[np.ndarray, "n 6"]) -> Float64[np.ndarray, "n 3 3"]:
    """Gram-Schmidt of two columns (Zhou et al., On the continuity of rotation representations, 2019)."""
    first, second = values[:, :3].astype(np.float64), values[:, 3:].astype(np.float64)
    x = _unit(first)
    y = _unit(second - (x * second).sum(axis=1, keepdims=True) * x)
    # Parallel columns leave x alone: adding 0 times NaN makes all of its matrix NaN.
    matrix: NDArray[np.float64] = np.stack([x + 0 * y, y, np.cross(x, y)], axis=2)
    return matrix


def _six_rows(values: Float[np.ndarray, "n 6"]) -> Float64[np.ndarray, "n 3 3"]:
    return np.swapaxes(_six_columns(values), 1, 2)


def _quaternion_wxyz(values: Float[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n 3 3"]:
    w, x, y, z = _unit(values.astype(np.float64)).T
    # v -> q v q*, written out for a unit quaternion.
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=1) for row in rows], axis=1)


def _quaternion_xyzw(values: Float[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n 3 3"]:
    return _quaternion_wxyz(values[:, [3, 0, 1, 2]])


def _aflw_pyr_deg(values: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3 3"]:
    return aflw_to_head_rotation(*values.T)


def _euler(
    values: Float[np.ndarray, "n 3"], *, axes: str, intrinsic: bool, degrees: bool
) -> Float64[np.ndarray, "n 3 3"]:
    angles = values.astype(np.float64)
    first, second, third = np.deg2rad(angles.T) if degrees else angles.T
    a, b, c = ("xyz".index(axis) for axis in axes)
    turns = [rotation_about_axis(a, first), rotation_about_axis(b, second), rotation_about_axis(c, third)]
    # Turns about axes that turn along multiply from the right, about axes that stay from the left.
    one, two, three = turns if intrinsic else reversed(turns)
    rotation: NDArray[np.float64] = one @ two @ three
    return rotation


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors of length 1, and NaN where they have no direction."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float64] = vectors / np.where(length > _TINY, length, np.nan)
    return unit


def _tvec_mm(values: Float[np.ndarray, "n 3"], camera: Camera) -> Float64[np.ndarray, "n 3"]:
    return values.astype(np.float64)


def _weak_perspective(values: Float[np.ndarray, "n 3"], camera: Camera) -> Float64[np.ndarray, "n 3"]:
    """(pixels per mm, x, y): the head's origin is seen at (x, y), and all of the head at one distance."""
    scale, x, y = values.astype(np.float64).T
    (fx, fy), (cx, cy) = camera.focal_px, camera.centre_px
    # A scale of 0 or less shows no head in front of the camera.
    z = fx / np.where(scale > 0, scale, np.nan)
    return np.stack([(x - cx) * z / fx, (y - cy) * z / fy, z], axis=1)


def _euler_forms() -> Iterable[tuple[str, RotationForm]]:
    sequences = ["".join(a) for a in product("xyz", repeat=3) if a[0] != a[1] and a[1] != a[2]]
    for order, axes, unit in product(["intrinsic", "extrinsic"], sequences, ["deg", "rad"]):
        decode = partial(_euler, axes=axes, intrinsic=order == "intrinsic", degrees=unit == "deg")
        yield f"euler_{order}_{axes}_{unit}", RotationForm((3,), decode)


ROTATION_FORMS: Mapping[str, RotationForm] = {
    # Nine numbers of a network are never quite orthonormal: the nearest rotation is taken.
    "matrix": RotationForm((3, 3), nearest_rotation),
    "rvec": RotationForm((3,), rvec_to_matrix),
    "6d_columns": RotationForm((6,), _six_columns),
    "6d_rows": RotationForm((6,), _six_rows),
    "quaternion_wxyz": RotationForm((4,), _quaternion_wxyz),
    "quaternion_xyzw": RotationForm((4,), _quaternion_xyzw),
    "ypr_deg": RotationForm((3,), ypr_deg_to_matrix, own_axes=True),
    "aflw_pyr_deg": RotationForm((3,), _aflw_pyr_deg, own_axes=True),
    **dict(_euler_forms()),
}

TRANSLATION_FORMS: Mapping[str, TranslationForm] = {
    "tvec_mm": TranslationForm((3,), _tvec_mm),
    "weak_perspective": TranslationForm((3,), _weak_perspective, in_pixels=True),
}

ROTATION_FORMS_IN_WORDS = " | ".join(
    [name for name in ROTATION_FORMS if not name.startswith("euler_")]
    + ["euler_intrinsic_AXES_UNIT | euler_extrinsic_AXES_UNIT with AXES such as zyx and UNIT deg or rad"]
)
