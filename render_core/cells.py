"""A coarse raster over views: what symmetry and honesty need to know varies slowly.

Each cell stands for a square of pixels, once as head and once as backdrop: a cell of the other kind takes the
values of the nearest pixel of this kind, so that nothing bleeds over the silhouette when the raster is
enlarged again. The cells of several views lie side by side in the same arrays, because for so few numbers
NumPy's calls cost more than its arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from render_core.grid import ViewGrid
from render_core.kernel.look import CellTable
from render_core.outline import nearest_in_mask
from render_core.view import pixels_per_mm
from render_core.visibility import ShadowMaps, camera_direction

# About this many cells along the side of a view: 5 px each at 224 px.
_SIDE = 45
_SMOOTH_SIGMA_CELLS = 1.0
# What lies so near to a hidden part counts as hidden, too: for the head because poses are not exact, for the
# backdrop because hair and ears reach beyond the head's surface.
_HIDDEN_MARGIN_CELLS = 2
_NORMAL_STEP_PX = 2


@dataclass(frozen=True)
class Cells:
    """Cells of one or several views of one size: view by view, row by row, n in all.

    `points` are those of the cells' middle pixels, homogeneous. `normals` are the head's. `seen` is how
    well each direction of the fan sees the head (0) and the backdrop (1) in a cell, 0 to 255. `margins`
    tell for each direction how far within the head's outline its points lie, and how far beyond it those of
    the backdrop; `outline` is the same for the view itself. Both are in 0.1 mm, 25.5 mm at most. `facing`
    is the cosine of the angle between the normal and the view's camera.
    """

    side: int
    cell_px: int
    points: Float[np.ndarray, "4 n"]
    normals: Float[np.ndarray, "3 n"]
    seen: UInt8[np.ndarray, "yaws pitches 2 n"]
    is_face: Bool[np.ndarray, " n"]
    margins: UInt8[np.ndarray, "yaws pitches 2 n"]
    outline: UInt8[np.ndarray, "2 n"]
    facing: Float[np.ndarray, " n"]

    @property
    def table(self) -> CellTable:
        """As the kernel takes them."""
        return CellTable(
            *(self.points, self.normals, self.seen, self.margins, self.outline, self.facing, self.is_face),
            self.side,
        )


def build_cells(grid: ViewGrid, shadows: ShadowMaps) -> Cells:
    """The cells of `grid`."""
    size = grid.size_px
    cell = max(1, round(size / _SIDE))
    middle = np.minimum(np.arange(0, size, cell) + cell // 2, size - 1)
    pixel = (middle[:, None] * size + middle).reshape(-1)
    points = grid.points[:3].T.astype(np.float64)
    on_head = nearest_in_mask(grid.head_mask)[pixel]
    on_backdrop = nearest_in_mask(~grid.head_mask)[pixel]
    side = len(middle)
    seen = np.stack([shadows.visibility(points[on_head]), shadows.visibility(points[on_backdrop])], axis=2)
    margin = np.ones((2 * _HIDDEN_MARGIN_CELLS + 1,) * 2, np.uint8)
    for index in np.ndindex(seen.shape[:3]):
        sure = cv2.erode(seen[index].reshape(side, side), margin)
        seen[index] = cv2.GaussianBlur(sure, (0, 0), _SMOOTH_SIGMA_CELLS).reshape(-1)
    normals = _normals(grid)[on_head]
    return Cells(
        side=side,
        cell_px=cell,
        points=np.ascontiguousarray(grid.points[:, pixel]),
        normals=np.ascontiguousarray(normals.T),
        seen=seen,
        is_face=grid.face_mask.reshape(-1)[pixel],
        outline=np.ascontiguousarray(_outline(grid)[:, pixel]),
        facing=(normals * camera_direction(grid.camera.projection)).sum(axis=1).astype(np.float32),
        margins=np.stack(
            [shadows.margins(points[on_head]), shadows.margins(points[on_backdrop], outside=True)], axis=2
        ),
    )


def join_cells(views: Sequence[Cells]) -> Cells:
    """The cells of several views of one size, in their order."""

    def joined(name: str) -> np.ndarray:
        return np.ascontiguousarray(np.concatenate([getattr(view, name) for view in views], axis=-1))

    return Cells(
        side=views[0].side,
        cell_px=views[0].cell_px,
        points=joined("points"),
        normals=joined("normals"),
        seen=joined("seen"),
        is_face=joined("is_face"),
        margins=joined("margins"),
        outline=joined("outline"),
        facing=joined("facing"),
    )


def _outline(grid: ViewGrid) -> np.ndarray:
    """uint8 (2, n): distances of the pixels from the head's outline in the view, within it and beyond."""
    mm_per_px = 1 / pixels_per_mm(grid.camera.projection)
    distances = []
    for mask in (grid.head_mask, ~grid.head_mask):
        distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # The outline lies half a pixel before the first one.
        tenths = (distance - np.float32(0.5)) * np.float32(10 * mm_per_px)
        distances.append(np.rint(tenths.clip(0, 255)).astype(np.uint8).reshape(-1))
    return np.stack(distances)


def _normals(grid: ViewGrid) -> np.ndarray:
    """Unit normals "n 3", out of the head, from the differences between pixels a few steps apart."""
    size = grid.size_px
    # Beside the silhouette one of the two pixels would lie on the backdrop.
    nearest = nearest_in_mask(grid.head_mask)
    points = grid.points[:3, nearest].T.reshape(size, size, 3).astype(np.float64)
    step = max(1, round(_NORMAL_STEP_PX * size / 224))
    place = np.arange(size)
    before, after = np.maximum(place - step, 0), np.minimum(place + step, size - 1)
    across = points[:, after] - points[:, before]
    down = points[after] - points[before]
    # x to the right, y down, z away: down x across points to the camera
    normals = np.cross(down, across)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = np.where(length > 0, normals / np.where(length > 0, length, 1.0), 0.0)
    return normals.reshape(-1, 3).astype(np.float32)
