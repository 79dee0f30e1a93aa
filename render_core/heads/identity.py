"""How heads differ: parameters in standard deviations, and the fields by which they move a head."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from render_core.errors import HeadError
from render_core.heads.eyes import smooth_step

Axis = Literal["lateral", "down", "forward"]
AXES: tuple[Axis, ...] = ("lateral", "down", "forward")
# Beyond this many standard deviations a parameter no longer describes a person.
LARGEST_SD = 6.0


@dataclass(frozen=True)
class Window:
    """Where a field acts, along one axis: `rise` (from, to), or `bump` (centre, half width, power)."""

    axis: Axis
    rise: tuple[float, float] | None = None
    bump: tuple[float, float, float] | None = None

    def weight(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """Between 0 and 1 for each point of the face frame."""
        position = _coordinate(points, self.axis)
        if self.rise is not None:
            return smooth_step(position, *self.rise)
        if self.bump is None:
            raise HeadError(f"window along {self.axis!r} without rise or bump: expected one of them")
        centre, half_width, power = self.bump
        return np.asarray(np.exp(-(np.abs((position - centre) / half_width) ** power)))


@dataclass(frozen=True)
class Field:
    """A displacement along one axis: `move_mm` plus `stretch` times the distance from `pivot_mm`.

    The distance counts only within `limits_mm`; windows say where the field acts.
    """

    axis: Axis
    windows: tuple[Window, ...]
    move_mm: float = 0.0
    stretch: float = 0.0
    pivot_mm: float = 0.0
    limits_mm: tuple[float, float] = (-np.inf, np.inf)

    def displacement_mm(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """What the field adds to points of the face frame for one standard deviation."""
        amount = self.move_mm + self.stretch * np.clip(
            _coordinate(points, self.axis) - self.pivot_mm, *self.limits_mm
        )
        for window in self.windows:
            amount = amount * window.weight(points)
        if self.axis == "lateral":
            amount = amount * np.sign(points[:, 0])
        out = np.zeros_like(points)
        out[:, AXES.index(self.axis)] = amount
        return out


@dataclass(frozen=True)
class Parameter:
    """One way in which heads differ; its unit is the standard deviation of the adult population."""

    name: str
    meaning: str
    fields: tuple[Field, ...]

    def displacement_mm(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """What one standard deviation adds to points of the mean head, face frame."""
        return np.asarray(np.sum([field.displacement_mm(points) for field in self.fields], axis=0))


def displacement_basis_mm(
    parameters: tuple[Parameter, ...], points: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "k n 3"]:
    """The displacement of every point by each parameter: a head is the mean plus a weighted sum of them."""
    return np.stack([parameter.displacement_mm(points) for parameter in parameters])


def parameter_vector(
    parameters: tuple[Parameter, ...], values: Mapping[str, float]
) -> Float[np.ndarray, " k"]:
    """Values by name as a vector in the table's order; what is not named is 0.

    Raises HeadError for a name that does not exist and for values that are not finite or beyond `LARGEST_SD`.
    """
    names = [parameter.name for parameter in parameters]
    for name, value in values.items():
        if name not in names:
            raise HeadError(f"no parameter is called {name!r}: expected some of {', '.join(names)}")
        if not np.isfinite(value) or abs(value) > LARGEST_SD:
            raise HeadError(
                f"parameter {name} is {value}: expected standard deviations, -{LARGEST_SD} to {LARGEST_SD}"
            )
    return np.array([float(values.get(name, 0.0)) for name in names])


def _coordinate(points: np.ndarray, axis: Axis) -> np.ndarray:
    column = points[:, AXES.index(axis)]
    return np.abs(column) if axis == "lateral" else column
