import numpy as np
import pytest

from render_core.errors import HeadError
from render_core.heads.identity import (
    Field,
    Parameter,
    Window,
    displacement_basis_mm,
    parameter_vector,
)

POINTS = np.array([[10.0, 5.0, 80.0], [-10.0, 5.0, 80.0], [0.0, 50.0, 90.0]])


def test_lateral_fields_are_mirrored_and_leave_the_middle() -> None:
    field = Field("lateral", (), move_mm=2.0, stretch=0.1)
    np.testing.assert_allclose(field.displacement_mm(POINTS), [[3, 0, 0], [-3, 0, 0], [0, 0, 0]])


def test_a_stretch_goes_from_its_pivot_to_its_limits() -> None:
    field = Field("down", (), stretch=0.5, pivot_mm=10.0, limits_mm=(0.0, 20.0))
    np.testing.assert_allclose(field.displacement_mm(POINTS)[:, 1], [0, 0, 10])


def test_windows_multiply() -> None:
    rise, bump = Window("down", rise=(0.0, 10.0)), Window("lateral", bump=(10.0, 5.0, 2.0))
    np.testing.assert_allclose(rise.weight(POINTS), [0.5, 0.5, 1])
    np.testing.assert_allclose(bump.weight(POINTS), [1, 1, np.exp(-4)])
    field = Field("forward", (rise, bump), move_mm=2.0)
    np.testing.assert_allclose(field.displacement_mm(POINTS)[:, 2], [1, 1, 2 * np.exp(-4)])


def test_a_window_without_a_shape_is_refused() -> None:
    with pytest.raises(HeadError, match="rise or bump"):
        Window("down").weight(POINTS)


def test_parameters_add_their_fields() -> None:
    move = Field("forward", (), move_mm=1.0)
    basis = displacement_basis_mm((Parameter("a", "", (move, move)), Parameter("b", "", (move,))), POINTS)
    np.testing.assert_allclose(basis[:, :, 2], [[2, 2, 2], [1, 1, 1]])


def test_parameters_by_name_become_a_vector() -> None:
    parameters = (Parameter("a", "", ()), Parameter("b", "", ()))
    np.testing.assert_array_equal(parameter_vector(parameters, {"b": 1.5}), [0, 1.5])
    with pytest.raises(HeadError, match="no parameter is called 'c': expected some of a, b"):
        parameter_vector(parameters, {"c": 1.0})
    for value in (np.nan, 6.5):
        with pytest.raises(HeadError, match="parameter a is"):
            parameter_vector(parameters, {"a": value})
