"""What pixels weigh around a position: tables in whole numbers, the same on every machine."""

from functools import cache

import numpy as np
from jaxtyping import Int16

# Positions are rounded to 1 / SUBPIXELS of a pixel: at the steepest edge that is 0.15 levels.
SUBPIXEL_BITS = 10
SUBPIXELS = 1 << SUBPIXEL_BITS
WEIGHT_BITS = 14
# The photo is continued by this many pixels before its first row and column and after its last. A position
# farther out sees nothing but the border.
BORDER_BEFORE_PX = 3
BORDER_AFTER_PX = 4


@cache
def cubic_weights() -> Int16[np.ndarray, "1024 4"]:
    """Keys' kernel with OpenCV's a = -3/4, for the pixels at -1, 0, 1 and 2 from a position's pixel.

    Each row sums to 2^14.
    """
    f = np.arange(SUBPIXELS, dtype=np.int64)
    g = SUBPIXELS - f
    one = SUBPIXELS
    # In units of 1 / (4 SUBPIXELS^3): a (d^3 - 5 d^2 + 8 d - 4) at d = 1 + f is a (f^3 - 2 f^2 + f), and
    # (a + 2) d^3 - (a + 3) d^2 + 1 at d = f.
    outer = [-3 * (d**3 - 2 * one * d**2 + one**2 * d) for d in (f, g)]
    inner = [5 * d**3 - 9 * one * d**2 + 4 * one**3 for d in (f, g)]
    return _rounded(np.stack([outer[0], inner[0], inner[1], outer[1]], axis=1), 4 * one**3)


@cache
def linear_weights() -> Int16[np.ndarray, "1024 2"]:
    """The triangle kernel, for the pixels at 0 and 1 from a position's pixel; each row sums to 2^14."""
    f = np.arange(SUBPIXELS, dtype=np.int64)
    return _rounded(np.stack([SUBPIXELS - f, f], axis=1), SUBPIXELS)


def _rounded(weights: np.ndarray, unit: int) -> np.ndarray:
    """To the nearest step of 2^-14; what rounding leaves of the sum goes to the largest weight."""
    steps = (2 * (weights << WEIGHT_BITS) + unit) // (2 * unit)
    largest = np.argmax(steps, axis=1)
    steps[np.arange(len(steps)), largest] += (1 << WEIGHT_BITS) - steps.sum(axis=1)
    return steps.astype(np.int16)
