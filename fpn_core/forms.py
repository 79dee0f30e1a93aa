"""The named forms in which a network may give a pose. A new form is one function and one line in a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from fpn_core.camera import Camera
from fpn_core.rotation import nearest_rotation, rvec_to_matrix


@dataclass(frozen=True)
class RotationForm:
    """Shape of one row of the output, and how a batch becomes proper rotations, with NaN where there is
    none."""

    shape: tuple[int, ...]
    to_matrix: Callable[[Float[np.ndarray, "n ..."]], Float64[np.ndarray, "n 3 3"]]


@dataclass(frozen=True)
class TranslationForm:
    """Shape of one row of the output, and how a batch becomes translations in mm in the network's camera."""

    shape: tuple[int, ...]
    to_tvec_mm: Callable[[Float[np.ndarray, "n ..."], Camera], Float64[np.ndarray, "n 3"]]


def _tvec_mm(values: Float[np.ndarray, "n 3"], camera: Camera) -> Float64[np.ndarray, "n 3"]:
    return values.astype(np.float64)


ROTATION_FORMS: Mapping[str, RotationForm] = {
    # Nine numbers of a network are never quite orthonormal: the nearest rotation is taken.
    "matrix": RotationForm((3, 3), nearest_rotation),
    "rvec": RotationForm((3,), rvec_to_matrix),
}

TRANSLATION_FORMS: Mapping[str, TranslationForm] = {
    "tvec_mm": TranslationForm((3,), _tvec_mm),
}
