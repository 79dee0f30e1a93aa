"""The slow, readable twin of the renderer: one pixel at a time, in double precision, without OpenCV's maps.

Tests hold the fast path against it; nothing else uses it. What both share is the choice of the twins' shares
(`render_core.sight`), which tests check against rays.
"""

from math import floor
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, Num, UInt8

from render_core.compat import CompatOptions
from render_core.grid import ViewGrid
from render_core.head import HeadView
from render_core.kernel import ViewCells

Outside = Literal["edge", "black"]

# OpenCV's cubic kernel.
_A = -0.75


def cubic_kernel(distance: float) -> float:
    """Keys' cubic convolution kernel at a distance in pixels, with OpenCV's a = -0.75."""
    d = abs(distance)
    if d <= 1:
        return (_A + 2) * d**3 - (_A + 3) * d**2 + 1
    if d < 2:
        return _A * (d**3 - 5 * d**2 + 8 * d - 4)
    return 0.0


def linear_kernel(distance: float) -> float:
    """The triangle kernel."""
    return max(0.0, 1.0 - abs(distance))


def sample(
    image: UInt8[np.ndarray, "h w 3"], x: float, y: float, *, cubic: bool = True, outside: Outside = "edge"
) -> Float[np.ndarray, "3"]:
    """The photo at a position: the sum of its pixels, weighted by the kernel."""
    kernel = cubic_kernel if cubic else linear_kernel
    height, width = image.shape[:2]
    colour = np.zeros(3)
    for row in range(floor(y) - 1, floor(y) + 3):
        for column in range(floor(x) - 1, floor(x) + 3):
            weight = kernel(x - column) * kernel(y - row)
            if 0 <= row < height and 0 <= column < width:
                colour += weight * image[row, column]
            elif outside == "edge":
                colour += weight * image[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
    return colour


def project(projection: Float[np.ndarray, "3 4"], point_mm: np.ndarray) -> tuple[float, float]:
    """Pixels of a point in millimetres."""
    u, v, depth = projection @ np.array([*point_mm, 1.0])
    return float(u / depth), float(v / depth)


def render_clean(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    grid: ViewGrid,
    cells: ViewCells,
    *,
    cubic: bool = True,
    outside: Outside = "edge",
) -> UInt8[np.ndarray, "s s 3"]:
    """Clean mode, where the photo need not be shrunk: (1 - w) photo(P X + o) + w photo(P X' + o').

    X' = diag(-1, 1, 1) X is the twin, w its share, o and o' are offsets. Then fills, and the outline.
    """
    size = grid.size_px
    colours = np.zeros((size, size, 3))

    def colour(point: np.ndarray, row: int, column: int, kind: int) -> np.ndarray:
        share = enlarge(cells.twins[kind], row, column, cells.cell_px) / 255
        offsets = np.array([enlarge(plane, row, column, cells.cell_px) / 64 for plane in cells.offsets])
        offsets = offsets if kind == 0 else 0 * offsets
        x, y = np.array(project(projection, point)) + offsets[:2]
        mixed = (1 - share) * sample(image, x, y, cubic=cubic, outside=outside)
        if share > 0:
            x, y = np.array(project(projection, point * [-1, 1, 1])) + offsets[2:]
            mixed = mixed + share * sample(image, x, y, cubic=cubic, outside=outside)
        return np.asarray(mixed.clip(0, 255))

    for row in range(size):
        for column in range(size):
            point = grid.points[:3, row * size + column].astype(np.float64)
            colours[row, column] = colour(point, row, column, 0 if grid.head_mask[row, column] else 1)
    fills = _fills(colours, grid.head_mask, cells)

    def filled(own: np.ndarray, row: int, column: int, kind: int) -> np.ndarray:
        colours_of_kind = fills[kind]
        if colours_of_kind is None:
            return own
        share = enlarge(cells.fill[kind], row, column, cells.cell_px) / 255
        spread = [enlarge(colours_of_kind[..., k], row, column, cells.cell_px) for k in range(3)]
        return np.asarray((1 - share) * own + share * np.array(spread))

    view = np.zeros_like(colours)
    for row in range(size):
        for column in range(size):
            kind = 0 if grid.head_mask[row, column] else 1
            view[row, column] = filled(colours[row, column], row, column, kind)
    for pixel, other, step in zip(grid.edges.pixel, grid.edges.points.T, grid.edges.share, strict=True):
        row, column = divmod(int(pixel), size)
        kind = 1 if grid.head_mask[row, column] else 0
        own, share = view[row, column], step / 255
        both = filled(colour(other.astype(np.float64), row, column, kind), row, column, kind)
        view[row, column] = (1 - share) * own + share * both
    return np.asarray(np.rint(view.clip(0, 255)).astype(np.uint8))


def _fills(colours: np.ndarray, head_mask: np.ndarray, cells: ViewCells) -> list[np.ndarray | None]:
    """For head and backdrop, the colours "side side 3" that trusted cells spread over all cells."""
    side, cell = cells.side, cells.cell_px
    fills = []
    for kind, mask in enumerate((head_mask, ~head_mask)):
        colour, weight = np.zeros((side, side, 3)), np.zeros((side, side))
        for i in range(side):
            for j in range(side):
                # Every other pixel of large cells.
                take = slice(1, None, 2) if cell >= 4 else slice(None)
                of_cell = np.s_[i * cell : (i + 1) * cell, j * cell : (j + 1) * cell]
                own = mask[of_cell][take, take]
                if own.any():
                    colour[i, j] = colours[of_cell][take, take][own].mean(axis=0)
                    weight[i, j] = own.sum() / len(range(cell)[take]) ** 2 * cells.trust[kind, i, j] / 255
        fills.append(_spread(colour, weight) if weight.any() else None)
    return fills


def _spread(colour: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Pull and push: means of four cells go up, and what a cell does not know comes down."""
    side = len(weight)
    if side == 1:
        return colour
    half = (side + 1) // 2
    coarse, coarse_weight = np.zeros((half, half, 3)), np.zeros((half, half))
    for i in range(half):
        for j in range(half):
            of_cell = np.s_[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            total = weight[of_cell].sum()
            if total > 0:
                coarse[i, j] = (colour[of_cell] * weight[of_cell][..., None]).sum(axis=(0, 1)) / total
            coarse_weight[i, j] = min(total, 1.0)
    above = _spread(coarse, coarse_weight)
    around = np.array(
        [[[enlarge(above[..., k], i, j, 2) for k in range(3)] for j in range(side)] for i in range(side)]
    )
    return np.asarray(weight[..., None] * colour + (1 - weight[..., None]) * around)


def enlarge(weights: Num[np.ndarray, "side side"], row: int, column: int, cell_px: int) -> float:
    """The weight of a pixel between the middles of four cells."""
    side = len(weights)
    y, x = (row + 0.5) / cell_px - 0.5, (column + 0.5) / cell_px - 0.5
    weight = 0.0
    for i in (floor(y), floor(y) + 1):
        for j in (floor(x), floor(x) + 1):
            value = weights[min(max(i, 0), side - 1), min(max(j, 0), side - 1)]
            weight += linear_kernel(y - i) * linear_kernel(x - j) * float(value)
    return weight


def render_compat(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    view: HeadView,
    options: CompatOptions,
) -> UInt8[np.ndarray, "H W 3"]:
    """Compat mode: the original's picture, symmetric if the view is frontal and the options say so."""
    rows, columns = view.face_mask.shape
    height, width = image.shape[:2]
    # One-based, as MATLAB counts.
    one_based = {
        (i, j): project(projection, view.points_mm[i, j].astype(np.float64))
        for i in range(rows)
        for j in range(columns)
    }
    inside = {ij: 1 <= u <= width and 1 <= v <= height for ij, (u, v) in one_based.items()}
    placed = {ij: (u - 1, v - 1) for ij, (u, v) in one_based.items()}

    outside = [one_based[ij] for ij in one_based if not inside[ij]]
    if outside:
        (low_u, low_v), (high_u, high_v) = np.min(outside, axis=0), np.max(outside, axis=0)
        strip = 0.25 * min(u for (i, j), (u, _) in one_based.items() if inside[i, j] and view.face_mask[i, j])
        strip /= width
        for ij in one_based:
            if not inside[ij]:
                across = (one_based[ij][0] - low_u) / ((high_u - low_u) or 1.0)
                down = (one_based[ij][1] - low_v) / ((high_v - low_v) or 1.0)
                placed[ij] = (across * strip if across > strip else across) * width, down * height

    raw = np.zeros((rows, columns, 3), np.uint8)
    for (i, j), position in (placed if options.background else one_based).items():
        if options.background or view.face_mask[i, j]:
            x, y = (round(32 * float(np.float32(place))) / 32 for place in position)
            raw[i, j] = sample(image, x, y, outside="black").clip(0, 255)
    if not (options.symmetry and view.yaw_deg == 0):
        return raw
    return _symmetric(raw, placed, inside, view, options)


def _symmetric(
    raw: np.ndarray,
    placed: dict[tuple[int, int], tuple[float, float]],
    inside: dict[tuple[int, int], bool],
    view: HeadView,
    options: CompatOptions,
) -> np.ndarray:
    """The left half mixed with the right one, by how often the left one's pixels are used."""
    used: dict[tuple[int, int], int] = {}
    for ij, (x, y) in placed.items():
        if inside[ij]:
            used[round(x), round(y)] = used.get((round(x), round(y)), 0) + 1
    count = np.zeros(raw.shape[:2])
    for ij, (x, y) in placed.items():
        if inside[ij]:
            count[ij] = used[round(x), round(y)]
    blurred = cv2.GaussianBlur(count, (15, 15), 30.0, borderType=cv2.BORDER_REPLICATE)
    low, high = blurred[view.face_mask].min(), blurred[view.face_mask].max()

    symmetric = np.zeros_like(raw)
    rows, columns = raw.shape[:2]
    for i in range(rows):
        for j in range(columns):
            weight = (blurred[i, j] - low) / ((high - low) or 1.0)
            if not view.face_mask[i, j]:
                weight = 1.0 if options.flip_background else 0.0
            other = raw[i, columns - 1 - j] if j < columns // 2 else raw[i, j]
            symmetric[i, j] = raw[i, j] * (1.0 - weight) + other * weight
    return symmetric
