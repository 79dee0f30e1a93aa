import numpy as np
import pytest

from render_core import reference
from render_core.kernel.weights import SUBPIXELS, WEIGHT_BITS, cubic_weights, linear_weights


@pytest.mark.parametrize(
    ("table", "kernel", "before"),
    [(cubic_weights, reference.cubic_kernel, 1), (linear_weights, reference.linear_kernel, 0)],
)
def test_tables_are_the_kernels(table: object, kernel: object, before: int) -> None:
    weights = table()  # type: ignore[operator]
    assert weights.dtype == np.int16 and (weights.sum(axis=1) == 1 << WEIGHT_BITS).all()
    exact = [
        [kernel(step / SUBPIXELS - (tap - before)) for tap in range(weights.shape[1])]  # type: ignore[operator]
        for step in range(SUBPIXELS)
    ]
    # Rounding to half a step, and what it leaves of the sum: at most one more.
    assert np.abs(weights / (1 << WEIGHT_BITS) - exact).max() <= 1.6 / (1 << WEIGHT_BITS)
