"""Measure heads as anthropometry does, and find the likeliest head with given measurements."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from render_core.errors import HeadError
from render_core.heads.build import mean_head
from render_core.heads.identity import LARGEST_SD, displacement_basis_mm
from render_core.heads.table import HeadTable, Measurement, head_table

_ROUNDS = 20
_CLOSE_MM = 1e-6


def measurement_names() -> tuple[str, ...]:
    """Lists the distances by which heads are measured and built; docs/heads.md defines them.

    Example:
        >>> "eye_corners_outer" in measurement_names()
        True
    """
    return tuple(measurement.name for measurement in head_table().measurements)


def measure_head(parameters: Mapping[str, float]) -> dict[str, float]:
    """Measures the head with given parameters.

    Args:
        parameters: standard deviations of the population, by name.

    Returns:
        Millimetres by name of the measurement.

    Example:
        >>> mean, wide = measure_head({}), measure_head({"width": 2.0})
        >>> wide["head_width"] > mean["head_width"]
        True
    """
    table = head_table()
    weights = np.array([float(parameters.get(parameter.name, 0.0)) for parameter in table.parameters])
    values, _ = _values_and_slopes(table.measurements, weights)
    return dict(zip(measurement_names(), values.tolist(), strict=True))


def population_deviations_mm() -> dict[str, float]:
    """Computes the standard deviation of every measurement in the population.

    Returns:
        Millimetres by name of the measurement.

    Example:
        >>> population_deviations_mm()["head_width"] > 0
        True
    """
    table = head_table()
    _, slopes = _values_and_slopes(table.measurements, np.zeros(len(table.parameters)))
    # Var(J p) = J C J'
    variances = np.einsum("mk,kl,ml->m", slopes, table.correlation, slopes)
    return dict(zip(measurement_names(), np.sqrt(variances).tolist(), strict=True))


def likeliest_parameters(measurements_mm: Mapping[str, float]) -> dict[str, float]:
    """Finds the parameters of the likeliest head that has given measurements, with all others left free.

    Args:
        measurements_mm: millimetres by name of the measurement.

    Returns:
        Standard deviations of the population, by name.

    Raises:
        HeadError: an unknown measurement, a value that is not positive, or values so far from any adult that
            a parameter would leave the range of `LARGEST_SD`.

    Example:
        >>> parameters = likeliest_parameters({"head_width": 160.0})
        >>> round(measure_head(parameters)["head_width"], 3)
        160.0
    """
    table = head_table()
    chosen = [_measurement(table, name) for name in measurements_mm]
    wanted = np.array([float(value) for value in measurements_mm.values()])
    if not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise HeadError(f"measurements {dict(measurements_mm)}: expected positive millimetres")
    weights = np.zeros(len(table.parameters))
    for _ in range(_ROUNDS if chosen else 0):
        values, slopes = _values_and_slopes(tuple(chosen), weights)
        # The mean of a Gaussian with covariance C under J p = target: p = C J' (J C J')^-1 target.
        target = wanted - values + slopes @ weights
        gain = table.correlation @ slopes.T
        weights = gain @ np.linalg.lstsq(slopes @ gain, target, rcond=None)[0]
        if np.abs(weights).max() > LARGEST_SD:
            raise HeadError(f"measurements {dict(measurements_mm)} are out of proportion: {_means(chosen)}")
        if np.abs(wanted - _values_and_slopes(tuple(chosen), weights)[0]).max() < _CLOSE_MM:
            break
    return {
        parameter.name: float(weight) for parameter, weight in zip(table.parameters, weights, strict=True)
    }


def _measurement(table: HeadTable, name: str) -> Measurement:
    for measurement in table.measurements:
        if measurement.name == name:
            return measurement
    raise HeadError(f"no measurement is called {name!r}: expected some of {', '.join(measurement_names())}")


def _means(measurements: list[Measurement]) -> str:
    return "adults have " + ", ".join(f"{m.name} {m.mean_mm} +- {m.sd_mm} mm" for m in measurements)


def _values_and_slopes(
    measurements: tuple[Measurement, ...], weights: Float[np.ndarray, " k"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m k"]]:
    """The measurements of a head, and their change per standard deviation of every parameter."""
    values, slopes = np.zeros(len(measurements)), np.zeros((len(measurements), len(weights)))
    for row, measurement in enumerate(measurements):
        ends = [_place(place) for place in measurement.places]
        points = [point + weights @ basis for point, basis in ends]
        if len(ends) == 1:
            values[row] = 2 * points[0][0]
            slopes[row] = 2 * ends[0][1][:, 0]
        else:
            difference = points[1] - points[0]
            values[row] = np.linalg.norm(difference)
            # d|b - a| = (b - a) . (db - da) / |b - a|
            slopes[row] = (ends[1][1] - ends[0][1]) @ difference / values[row]
    return values, slopes


def _place(place: int | str) -> tuple[np.ndarray, np.ndarray]:
    """A landmark or named place on the mean head, and its movement by each parameter."""
    if isinstance(place, int):
        mean = mean_head()
        return mean.landmarks_mm[place], mean.landmark_basis_mm[:, place]
    table = head_table()
    point = np.array([table.places_mm[place]])
    return point[0], displacement_basis_mm(table.parameters, point)[:, 0]
