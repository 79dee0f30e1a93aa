"""Files of the 68 landmarks of one face."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render_core.head import LANDMARKS


def read_pts(path: Path) -> NDArray[np.float64]:
    """Reads a `.pts` file of 300-W: `version: 1`, `n_points: 68`, and one point per line in braces.

    Its first pixel is at 1, as in MATLAB.

    Returns:
        float64 (68, 2): x and y in pixels from 0.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not hold 68 points in braces.
    """
    inside = path.read_text(encoding="utf-8").partition("{")[2].partition("}")[0]
    return np.array([float(number) for number in inside.split()]).reshape(LANDMARKS, 2) - 1.0


def read_landmarks(path: Path) -> NDArray[np.float64]:
    """Reads a `.pts` file, known by its braces, or a text file of 68 lines `x y` in pixels from 0.

    Lines of the latter that are not two numbers are comments.

    Returns:
        float64 (68, 2): x and y in pixels from 0.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not hold 68 points.
    """
    text = path.read_text(encoding="utf-8")
    if "{" in text:
        return read_pts(path)
    lines = [line.split() for line in text.splitlines()]
    points = [[float(x), float(y)] for x, y in (line for line in lines if _are_numbers(line))]
    if len(points) != LANDMARKS:
        raise ValueError(f"it holds {len(points)} points")
    return np.array(points)


def _are_numbers(words: list[str]) -> bool:
    if len(words) != 2:
        return False
    try:
        return bool(np.isfinite([float(word) for word in words]).all())
    except ValueError:
        return False
