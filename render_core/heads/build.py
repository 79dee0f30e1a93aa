"""Build a head from the table of measured points."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import yaml

from render_core.errors import HeadError
from render_core.heads.grid import direction_grid
from render_core.heads.mesh import HeadMesh
from render_core.heads.thin_plate import fit_radial_surface

# fmt: off
_MIRRORED = {16: 0, 15: 1, 14: 2, 13: 3, 12: 4, 11: 5, 10: 6, 9: 7, 26: 17, 25: 18, 24: 19, 23: 20, 22: 21, 35: 31, 34: 32,
             42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40, 54: 48, 53: 49, 52: 50, 55: 59, 56: 58, 64: 60, 63: 61, 65: 67}
# fmt: on
_NAMES = ("open-mean",)


def head_names() -> tuple[str, ...]:
    """Names of the heads that come with the package; the first is the default."""
    return _NAMES


@lru_cache(maxsize=32)
def load_head(name: str = "open-mean") -> HeadMesh:
    """A head of the package by name.

    Raises HeadError for a name that is not among `head_names()`.
    """
    if name not in _NAMES:
        raise HeadError(f"no head is called {name!r}: expected one of {', '.join(_NAMES)}")
    return build_head({}, name=name)


def build_head(parameters: Mapping[str, float], name: str = "custom") -> HeadMesh:
    """The head that differs from the mean by `parameters`, each in standard deviations of the population.

    Raises HeadError for a parameter that does not exist or is not finite.
    """
    if parameters:
        raise HeadError(f"unknown parameters {', '.join(parameters)}")
    table = _table()
    centre = np.array(table["centre"]["at"], float)
    named = {point["name"]: np.array(point["at"], float) for point in table["points"]}
    half = np.array([point["at"] for point in table["points"] if point.get("surface", True)], float)
    points = np.concatenate([half, half[half[:, 0] > 0] * [-1, 1, 1]])
    surface = fit_radial_surface(points, centre, table["smoothing"])
    directions, faces = direction_grid()
    vertices = centre + directions * surface.radius_mm(directions)[:, None]
    faces = faces[(vertices[faces][:, :, 1] < 175).all(axis=1)]

    landmarks = np.zeros((68, 3))
    for number in range(68):
        if (key := f"landmark {number}") in named:
            landmarks[number] = named[key]
    for left, right in _MIRRORED.items():
        landmarks[right] = landmarks[left] * [-1, 1, 1]
    return HeadMesh(name, _to_head_frame(vertices), faces, _to_head_frame(landmarks))


def _to_head_frame(points: np.ndarray) -> np.ndarray:
    # Lateral, down and forward of the table to x, y and z of the head frame.
    return np.column_stack([points[:, 0], points[:, 1] - 50.0, 58.5 - points[:, 2]])


@lru_cache(maxsize=1)
def _table() -> Any:
    text = resources.files("render_core.heads").joinpath("heads.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
