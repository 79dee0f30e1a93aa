"""The directions in which a head's surface is sampled: dense over the face, coarse behind."""

import numpy as np
from jaxtyping import Float, Int32

# (angle from, angle to, step), degrees. One step over the face is about 1.2 mm, which eyelids and lips need.
# The wings of the nose, whose rear the rays graze, lie between azimuths of 8 and 16 degrees.
_AZIMUTH_BANDS_DEG = (
    (0.0, 8.0, 0.8),
    (8.0, 16.0, 0.57),
    (16.0, 40.0, 1.0),
    (40.0, 100.0, 2.4),
    (100.0, 180.0, 6.2),
)
_ELEVATION_BANDS_DEG = (
    (-86.0, -44.0, 4.0),
    (-44.0, -25.0, 2.0),
    (-25.0, -13.0, 0.86),
    (-13.0, 43.0, 0.8),
    (43.0, 86.0, 2.2),
)


def direction_grid() -> tuple[Float[np.ndarray, "n 3"], int, Int32[np.ndarray, "f 3"]]:
    """Unit directions in the face frame (lateral, down, forward) row by row, the columns of a row, triangles.

    Columns go from the back of the head over its right side to the middle of the face and on over the left.
    The grid is mirror-symmetric, closed around the back of the head, and open at the crown and the neck.
    """
    half = _angles_rad(_AZIMUTH_BANDS_DEG)
    # -180 degrees and 180 degrees are one column.
    azimuth = np.concatenate([-half[:0:-1], half[:-1]])
    elevation = _angles_rad(_ELEVATION_BANDS_DEG)
    az, el = np.meshgrid(azimuth, elevation)
    # u = (sin az cos el, sin el, cos az cos el)
    directions = np.stack([np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)], axis=-1)
    return directions.reshape(-1, 3), len(azimuth), grid_faces(len(elevation), len(azimuth))


def grid_faces(rows: int, columns: int) -> Int32[np.ndarray, "f 3"]:
    """Triangles of a grid of rows by columns whose last column joins the first (vertices row by row).

    They face out of a body whose rows run from top to bottom and whose columns run as in `direction_grid`, in
    the head frame; the face frame is left-handed.
    """
    corner = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    next_corner = np.roll(corner, -1, axis=1)
    a, b, c, d = (part.reshape(-1) for part in (corner[:-1], next_corner[:-1], corner[1:], next_corner[1:]))
    # The diagonal is mirrored with the column, so that one half of a head is the other's mirror image.
    left = np.tile(np.arange(columns) < columns // 2, rows - 1)
    first = np.where(left[:, None], np.column_stack([a, c, b]), np.column_stack([a, c, d]))
    second = np.where(left[:, None], np.column_stack([b, c, d]), np.column_stack([a, d, b]))
    return np.concatenate([first, second])


def _angles_rad(bands_deg: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """Angles from the first band's start to the last one's end, evenly spaced within each band."""
    parts = [
        np.linspace(start, stop, round((stop - start) / step), endpoint=False)
        for start, stop, step in bands_deg
    ]
    return np.asarray(np.deg2rad(np.append(np.concatenate(parts), bands_deg[-1][1])))
