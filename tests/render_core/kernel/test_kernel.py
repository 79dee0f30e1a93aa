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
    cells, edges = vars(case.cells), case.edges
    given = vars(case) | cells | {"taps": case.weights.shape[1], "pixel": edges.pixel, "share": edges.share}
    given |= change
    out = np.empty((*case.head_mask.shape, 4), np.uint8)
    kernel._compiled.sample_view(
        *(given["points"], given["head_mask"], given["source"], case.projection.astype(np.float32)),
        *(given["weights"], given["twins"], given["fill"], given["trust"], given["offsets"]),
        *(given["pixel"], edges.points, given["share"], out, case.head_mask.shape, case.source.shape[:2]),
        *(given["taps"], case.cells.side, given["cell_px"], len(edges.pixel), given["channels"], 0),
    )


@pytest.fixture(scope="module")
def case() -> Case:
    return next(
        case for case in all_cases() if case.cells.side and len(case.edges.pixel) and case.channels == 4
    )


@compiled
@pytest.mark.parametrize(
    "name",
    ["points", "head_mask", "source", "weights", "twins", "fill", "trust", "offsets", "pixel", "share"],
)
def test_arrays_that_do_not_fit_are_refused(case: Case, name: str) -> None:
    call_compiled(case)
    given = vars(case) | vars(case.cells) | vars(case.edges)
    with pytest.raises(ValueError, match=r"has .* bytes: expected"):
        call_compiled(case, **{name: np.ascontiguousarray(given[name][:-1])})


@compiled
@pytest.mark.parametrize(
    "change", [{"cell_px": 0}, {"channels": 5}, {"channels": 3}, {"taps": 3}, {"taps": 5}, {"cell_px": 257}]
)
def test_numbers_out_of_range_are_refused(case: Case, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        call_compiled(case, **change)


@compiled
@pytest.mark.parametrize("number", [-1, 23 * 23])
def test_edges_beyond_the_picture_are_refused(case: Case, number: int) -> None:
    pixel = case.edges.pixel.copy()
    pixel[0] = number
    with pytest.raises(ValueError, match=f"edge pixel 0 is number {number}: expected 0 to 528"):
        call_compiled(case, pixel=pixel)


def test_a_path_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_compiled", None)
    assert kernel.best_path() == "numpy"
    case = all_cases()[0]
    np.testing.assert_array_equal(case.picture("best"), case.picture("numpy"))
    with pytest.raises(RuntimeError, match="'numpy'"):
        case.picture("portable")
