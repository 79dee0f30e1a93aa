"""A z-buffer rasteriser in NumPy: which triangle each pixel centre sees, where on it, and how deep.

Pixel (row 0, column 0) has its centre at x = 0, y = 0. A pixel belongs to a triangle when its centre lies
inside or exactly on an edge, so two triangles that share an edge never leave a hole between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from render_core.errors import RasterInputError

EMPTY = -1
_CANDIDATES_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Raster:
    """What a camera sees of a mesh, pixel by pixel.

    `depth` is the third homogeneous coordinate (millimetres along the optical axis when the projection is
    K [R|t] with a last row of K of 0 0 1), infinite where empty. `triangle` is the row in `triangles`, -1
    where empty. `barycentric` are the weights of the triangle's three vertices in space (not in the image), 0
    where empty.
    """

    depth: Float[np.ndarray, "h w"]
    triangle: Integer[np.ndarray, "h w"]
    barycentric: Float[np.ndarray, "h w 3"]
    triangles: Integer[np.ndarray, "f 3"]

    @property
    def covered(self) -> Bool[np.ndarray, "h w"]:
        """The pixels that see the mesh."""
        return np.asarray(self.triangle != EMPTY)

    def interpolate(self, attribute: Float[np.ndarray, "v c"]) -> Float[np.ndarray, "h w c"]:
        """The vertices' `attribute` at what every pixel sees, perspective-correct; NaN where empty."""
        out = np.full((*self.triangle.shape, attribute.shape[1]), np.nan)
        covered = self.covered
        corners = attribute[self.triangles[self.triangle[covered]]]
        out[covered] = np.einsum("nk,nkc->nc", self.barycentric[covered], corners)
        return out


@dataclass(frozen=True)
class _Hits:
    """Pairs of a triangle and a pixel inside it."""

    pixel: np.ndarray
    depth: np.ndarray
    triangle: np.ndarray
    barycentric: np.ndarray


@dataclass(frozen=True)
class _Projected:
    """Triangles that may be seen: corners "t 3 2" and depths "t 3", and the box of pixel centres."""

    xy_px: np.ndarray
    depth: np.ndarray
    rows: np.ndarray
    vertex_ids: np.ndarray
    first_px: np.ndarray
    extent_px: np.ndarray


def rasterize(
    vertices_mm: Float[np.ndarray, "v 3"],
    triangles: Integer[np.ndarray, "f 3"],
    projection: Float[np.ndarray, "3 4"],
    size_hw: tuple[int, int],
) -> Raster:
    """What the camera `projection` sees of the mesh in an image of `size_hw` pixels.

    Both sides of a triangle are visible. A triangle with a vertex at or behind the camera is left out whole.
    Of two triangles with exactly the same depth at a pixel the one with the lower row is seen.

    Raises RasterInputError for an empty image, triangles that point outside the vertices, or values that are
    not finite.
    """
    _check(vertices_mm, triangles, projection, size_hw)
    height, width = size_hw
    projected = _project(vertices_mm, triangles, projection, size_hw)
    hits = [_hits(projected, chosen, side, width) for chosen, side in _groups(projected.extent_px)]

    depth = np.full(height * width, np.inf)
    triangle = np.full(height * width, EMPTY, np.int32)
    barycentric = np.zeros((height * width, 3))
    if hits:
        pixel, row, depths, weights = (
            np.concatenate([getattr(part, name) for part in hits])
            for name in ("pixel", "triangle", "depth", "barycentric")
        )
        # Far to near (ties: high row to low): NumPy keeps the last of the values assigned to one pixel.
        order = np.lexsort((row, depths))[::-1]
        winner = np.full(height * width, EMPTY, np.int64)
        winner[pixel[order]] = order
        seen = np.flatnonzero(winner != EMPTY)
        won = winner[seen]
        depth[seen], triangle[seen], barycentric[seen] = depths[won], row[won], weights[won]
    return Raster(
        depth.reshape(size_hw), triangle.reshape(size_hw), barycentric.reshape(height, width, 3), triangles
    )


def _check(
    vertices_mm: np.ndarray, triangles: np.ndarray, projection: np.ndarray, size_hw: tuple[int, int]
) -> None:
    if min(size_hw) < 1:
        raise RasterInputError(f"image size {size_hw}: expected at least one row and one column")
    if not (np.isfinite(vertices_mm).all() and np.isfinite(projection).all()):
        raise RasterInputError("vertices or projection hold NaN or infinity: expected finite numbers only")
    if triangles.size and not (triangles.min() >= 0 and triangles.max() < len(vertices_mm)):
        raise RasterInputError(
            f"triangles point to vertices {triangles.min()} to {triangles.max()}, but the mesh has "
            f"{len(vertices_mm)}: "
            "expected indices from 0 to the number of vertices minus 1"
        )


def _project(
    vertices_mm: np.ndarray, triangles: np.ndarray, projection: np.ndarray, size_hw: tuple[int, int]
) -> _Projected:
    """The triangles with a pixel centre in their box."""
    homogeneous = vertices_mm @ projection[:, :3].T + projection[:, 3]
    vertex_depth = homogeneous[:, 2]
    in_front = vertex_depth > 0
    vertex_xy = homogeneous[:, :2] / np.where(in_front, vertex_depth, 1.0)[:, None]

    rows = np.flatnonzero(in_front[triangles].all(axis=1))
    xy = vertex_xy[triangles[rows]]
    limit = np.array([size_hw[1] - 1, size_hw[0] - 1])
    # Clipped as floats first: a vertex just before the camera may land beyond the range of integers.
    first = np.ceil(np.maximum(xy.min(axis=1), 0.0)).clip(0, limit + 1).astype(np.int64)
    last = np.floor(np.minimum(xy.max(axis=1), limit)).clip(-1, limit).astype(np.int64)
    extent = last - first + 1

    kept = (extent > 0).all(axis=1)
    rows = rows[kept]
    return _Projected(
        xy[kept],
        vertex_depth[triangles[rows]],
        rows,
        triangles[rows].astype(np.int64),
        first[kept],
        extent[kept],
    )


def _groups(extent_px: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[int, int]]]:
    """Triangles with boxes of like size, so that one block of pixel offsets serves all of them."""
    if not len(extent_px):
        return
    # Sides 1, 2, 4, 8, ...: the block is at most twice the box in each direction.
    sides = 2 ** np.ceil(np.log2(extent_px)).astype(np.int64)
    keys, group = np.unique(sides, axis=0, return_inverse=True)
    group = group.reshape(-1)
    for number, (block_width, block_height) in enumerate(keys):
        members = np.flatnonzero(group == number)
        step = max(1, _CANDIDATES_AT_ONCE // int(block_width * block_height))
        for start in range(0, len(members), step):
            yield members[start : start + step], (int(block_width), int(block_height))


def _hits(triangles: _Projected, chosen: np.ndarray, block_wh: tuple[int, int], width: int) -> _Hits:
    """The pixels inside the chosen triangles."""
    dx, dy = (grid.reshape(-1) for grid in np.meshgrid(np.arange(block_wh[0]), np.arange(block_wh[1])))
    extent = triangles.extent_px[chosen]
    x = triangles.first_px[chosen, 0, None] + dx
    y = triangles.first_px[chosen, 1, None] + dy
    edges = _edge_functions(triangles.xy_px[chosen], triangles.vertex_ids[chosen], x, y)
    area = edges.sum(axis=0)
    inside = (edges * np.sign(area) >= 0).all(axis=0) & (area != 0)
    inside &= (dx < extent[:, 0, None]) & (dy < extent[:, 1, None])

    of, place = np.nonzero(inside)
    weights = (edges[:, of, place] / area[of, place]).T
    # 1/z is linear in the image: 1/z = sum w_i / z_i, and the weights in space are (w_i / z_i) z.
    over_depth = weights / triangles.depth[chosen][of]
    depth = 1.0 / over_depth.sum(axis=1)
    return _Hits(
        pixel=y[of, place] * width + x[of, place],
        depth=depth,
        triangle=triangles.rows[chosen][of],
        barycentric=over_depth * depth[:, None],
    )


def _edge_functions(xy: np.ndarray, vertex_ids: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Twice the signed areas "3 t p" that a point makes with the edge opposite each corner."""
    edges = np.empty((3, *x.shape))
    for corner in range(3):
        a, b = (corner + 1) % 3, (corner + 2) % 3
        # Both triangles at an edge walk it from the lower to the higher vertex: the two values are then exact
        # opposites, rounding included, and no pixel falls between the triangles.
        forward = vertex_ids[:, a] < vertex_ids[:, b]
        tail = np.where(forward[:, None], xy[:, a], xy[:, b])
        head = np.where(forward[:, None], xy[:, b], xy[:, a])
        along = (head - tail)[:, :, None]
        # (b - a) x (p - a)
        cross = along[:, 0] * (y - tail[:, 1, None]) - along[:, 1] * (x - tail[:, 0, None])
        edges[corner] = np.where(forward[:, None], cross, -cross)
    return edges
