from typing import Any

import numpy as np
import pytest

from render_core import kernel
from tests.render_core.kernel.cases import Case, all_cases

compiled = pytest.mark.skipif(
    kernel.best_path() == "numpy", reason="the package was built without a compiler"
)


@compiled
def test_compiled_and_numpy_give_the_same_bytes() -> None:
    for case in all_cases():
        expected = case.picture("numpy")
        for path in ("best", "portable"):
            np.testing.assert_array_equal(case.picture(path), expected)


def call_compiled(case: Case, **change: Any) -> None:
    """The compiled function itself, whatever the annotations around it say."""
    given = vars(case) | {"taps": case.weights.shape[1]} | change
    mask, source, cells = case.head_mask, case.source, case.twins
    assert cells is not None
    out = given.get("out", np.empty((*mask.shape, 4), np.uint8))
    kernel._compiled.sample_view(
        *(given["points"], given["head_mask"], given["source"], case.projection.astype(np.float32)),
        *(given["weights"], given["twins"], out, mask.shape, source.shape[:2]),
        *(given["taps"], cells.shape[1], given["cell_px"], given["channels"], 0),
    )


@compiled
@pytest.mark.parametrize("name", ["points", "head_mask", "source", "twins", "weights"])
def test_arrays_that_do_not_fit_are_refused(name: str) -> None:
    case = next(case for case in all_cases() if case.twins is not None and case.channels == 4)
    call_compiled(case)
    cut = np.ascontiguousarray(getattr(case, name)[:-1])
    with pytest.raises(ValueError, match=f"{name} has .* bytes: expected"):
        call_compiled(case, **{name: cut})


@compiled
@pytest.mark.parametrize(
    "change", [{"cell_px": 0}, {"channels": 5}, {"channels": 3}, {"taps": 3}, {"taps": 5}]
)
def test_numbers_out_of_range_are_refused(change: dict[str, Any]) -> None:
    case = next(case for case in all_cases() if case.twins is not None and case.channels == 4)
    with pytest.raises(ValueError, match="expected"):
        call_compiled(case, **change)


def test_a_path_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_compiled", None)
    assert kernel.best_path() == "numpy"
    case = all_cases()[0]
    np.testing.assert_array_equal(case.picture("best"), case.picture("numpy"))
    with pytest.raises(RuntimeError, match="'numpy'"):
        case.picture("portable")
