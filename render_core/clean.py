"""Clean mode: one look-up per pixel, the other half of the face where the photo does not show this one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.cells import CELLS, Cells, Sight, look
from render_core.errors import RenderReject
from render_core.grid import ViewGrid
from render_core.source import Bounds, Source, blur_beyond, photo_mask, pixels_per_mm, prepare_source

Background = Literal["edge", "constant", "blur", "transparent"]
Interpolation = Literal["linear", "cubic"]

# The twin of a point on the other half of the head: x -> -x.
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
_CV2_INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
_LEAST_WEIGHT = 1 / 255
# Cells are sampled at their middles: pixels at the border of the view lie a little further out.
_BOUNDS_SLACK = 0.03


@dataclass(frozen=True)
class CleanOptions:
    """What stands beyond the photo's edge, how pixels are interpolated, whether the other half helps."""

    background: Background = "edge"
    interpolation: Interpolation = "cubic"
    symmetry: bool = True


@dataclass(frozen=True)
class CleanView:
    """A view ready to be rendered: its grid, and its cells."""

    grid: ViewGrid
    cells: Cells


@dataclass(frozen=True)
class CleanRendering:
    """A view of a face, and which shares of its face pixels the photo shows and something else has filled."""

    image: UInt8[np.ndarray, "s s c"]
    seen_fraction: float
    filled_fraction: float


@dataclass(frozen=True)
class _Lookup:
    interpolation: int
    border: int


def render_clean(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    views: Sequence[CleanView],
    options: CleanOptions,
) -> list[CleanRendering]:
    """The views of the face that `projection` places in `image`.

    Raises RenderReject where a part of a view lies behind the photo's camera, or no part of the face in the
    photo.
    """
    sights = [look(view.cells, projection, image.shape[:2]) for view in views]
    if not any(sight.inside[view.cells.is_face].any() for sight, view in zip(sights, views, strict=True)):
        raise RenderReject("render_no_face_pixels", "no point of the face lies inside the image")
    view_pixels_per_mm = pixels_per_mm(views[0].grid.camera.projection)
    source = prepare_source(image, projection, view_pixels_per_mm, _bounds(sights, np.eye(3)))
    if options.background == "blur":
        photo_to_source = source.projection[:, :3] @ np.linalg.inv(projection[:, :3])
        source = blur_beyond(source, _bounds(sights, photo_to_source))
    return [_render_view(source, view, sight, options) for view, sight in zip(views, sights, strict=True)]


def _bounds(sights: Sequence[Sight], photo_to_source: np.ndarray) -> Bounds:
    """Left, top, right, bottom of all that the views see in the photo, in pixels of the source."""
    low = np.min([sight.position_px.min(axis=1) for sight in sights], axis=0)
    high = np.max([sight.position_px.max(axis=1) for sight in sights], axis=0)
    slack = _BOUNDS_SLACK * (high - low)
    scale, offset = photo_to_source.diagonal()[:2], photo_to_source[:2, 2]
    left_top, right_bottom = scale * (low - slack) + offset, scale * (high + slack) + offset
    return (float(left_top[0]), float(left_top[1]), float(right_bottom[0]), float(right_bottom[1]))


def _render_view(source: Source, view: CleanView, sight: Sight, options: CleanOptions) -> CleanRendering:
    border = cv2.BORDER_CONSTANT if options.background == "constant" else cv2.BORDER_REPLICATE
    twins = sight if options.symmetry else None
    image = _sample_view(source, view.grid, twins, _Lookup(_CV2_INTERPOLATION[options.interpolation], border))
    if options.background == "transparent":
        sharp = _Lookup(cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        image = np.dstack([image, _sample_view(photo_mask(source), view.grid, twins, sharp)])
    return CleanRendering(image, *_honesty(view.cells, sight, options.symmetry))


def _honesty(cells: Cells, sight: Sight, symmetry: bool) -> tuple[float, float]:
    """Shares of the face's cells that are really seen, and that are filled from elsewhere.

    A cell that is neither lies on a surface that the photo shows too obliquely or not at all, and that
    nothing could fill.
    """
    face = cells.is_face
    if not face.any():
        return 0.0, 0.0
    replaced = (sight.head_weight.reshape(-1) > 0.5) & symmetry
    seen = (sight.face_seen > 0.5) & sight.inside & ~replaced
    filled = replaced | ~sight.inside
    return float(seen[face].mean()), float(filled[face].mean())


def _sample_view(source: Source, grid: ViewGrid, twins: Sight | None, lookup: _Lookup) -> np.ndarray:
    """The view of `grid`, with the twins on the other half where the sight says so."""
    size = grid.size_px
    view = _sample(source, grid.points, (size, size), lookup)
    box = None if twins is None else _box(twins, size)
    if twins is not None and box is not None:
        head, backdrop = (
            cv2.resize(weight, (size, size), interpolation=cv2.INTER_LINEAR)[box]
            for weight in (twins.head_weight, twins.backdrop_weight)
        )
        weight = np.where(grid.head_mask[box], head, backdrop)
        points = grid.points.reshape(4, size, size)[(slice(None), *box)].reshape(4, -1)
        other_half = replace(source, projection=source.projection @ MIRROR)
        twin = _sample(other_half, points, weight.shape, lookup)
        view[box] = cv2.blendLinear(np.ascontiguousarray(view[box]), twin, 1.0 - weight, weight)
    return view


def _sample(source: Source, points: np.ndarray, shape: tuple[int, int], lookup: _Lookup) -> np.ndarray:
    """The source's pixels at the projections of `points` "4 n", as an image of `shape`."""
    projected = source.projection.astype(np.float32) @ points
    # (u, v) = (x, y) / z
    position = projected[:2]
    position /= projected[2]
    x, y = position.reshape(2, *shape)
    sampled: np.ndarray = cv2.remap(source.image, x, y, lookup.interpolation, borderMode=lookup.border)
    return sampled


def _box(sight: Sight, size_px: int) -> tuple[slice, slice] | None:
    """Rows and columns of the view that cells with weight reach into; None where there are none."""
    used = np.maximum(sight.head_weight, sight.backdrop_weight) > _LEAST_WEIGHT
    if not used.any():
        return None
    slices = []
    for axis in (1, 0):
        touched = np.flatnonzero(used.any(axis=axis))
        first = (int(touched[0]) - 1) * size_px // CELLS
        last = (int(touched[-1]) + 2) * size_px // CELLS
        slices.append(slice(max(0, first), min(size_px, last + 1)))
    return slices[0], slices[1]
