"""Clean mode: the face as the photo shows it, its other half where the photo does not, an honest account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from render_core.cells import Cells
from render_core.errors import RenderReject
from render_core.grid import ViewGrid
from render_core.kernel import sample_view
from render_core.kernel.weights import cubic_weights, linear_weights
from render_core.sight import POSE_ERROR_DEG, look
from render_core.source import blur_beyond, prepare_source, source_scale, with_border
from render_core.view import pixels_per_mm

Background = Literal["edge", "constant", "blur", "transparent"]
Interpolation = Literal["linear", "cubic"]

_WEIGHTS = {"linear": linear_weights, "cubic": cubic_weights}


@dataclass(frozen=True)
class CleanOptions:
    """What lies beyond the photo, the interpolation, whether the other half helps, the error of the pose."""

    background: Background = "edge"
    interpolation: Interpolation = "cubic"
    symmetry: bool = True
    pose_error_deg: float = POSE_ERROR_DEG


@dataclass(frozen=True)
class CleanRendering:
    """A view of a face, and which shares of its face pixels the photo shows and something else has filled."""

    image: UInt8[np.ndarray, "s s c"]
    seen_fraction: float
    filled_fraction: float


def render_clean(
    image: UInt8[np.ndarray, "h w 3"],
    projection: Float[np.ndarray, "3 4"],
    grids: Sequence[ViewGrid],
    cells: Cells,
    options: CleanOptions,
) -> list[CleanRendering]:
    """The views of the face that `projection` places in `image`. `cells` are those of the grids, joined.

    Raises RenderReject where a part of a view lies behind the photo's camera, or no part of the face in the
    photo.
    """
    view_scale = pixels_per_mm(grids[0].camera.projection)
    sight = look(
        cells,
        projection,
        (image.shape[0], image.shape[1]),
        source_scale=source_scale((image.shape[0], image.shape[1]), projection, view_scale),
        symmetry=options.symmetry,
        fills_beyond=options.background == "edge",
        pose_error_deg=options.pose_error_deg,
    )
    if not sight.any_face:
        raise RenderReject("render_no_face_pixels", "no point of the face lies inside the image")
    source = prepare_source(image, projection, view_scale, sight.bounds_px)
    if options.background == "blur":
        photo_to_source = source.projection[:, :3] @ np.linalg.inv(projection[:, :3])
        source = blur_beyond(source, photo_to_source, sight.bounds_px)
    transparent = options.background == "transparent"
    pixels = with_border(source.image, black=options.background == "constant", alpha=transparent)
    weights = _WEIGHTS[options.interpolation]()
    renderings = []
    for grid, view_cells, (seen, filled) in zip(grids, sight.cells, sight.fractions, strict=True):
        picture = sample_view(
            *(grid.points, grid.head_mask, pixels, source.projection, weights, view_cells, grid.edges),
            channels=4 if transparent else 3,
        )
        renderings.append(CleanRendering(picture, seen, filled))
    return renderings
