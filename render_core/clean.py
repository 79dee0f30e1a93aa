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
from render_core.sight import look
from render_core.source import blur_beyond, pixels_per_mm, prepare_source, with_border

Background = Literal["edge", "constant", "blur", "transparent"]
Interpolation = Literal["linear", "cubic"]

_WEIGHTS = {"linear": linear_weights, "cubic": cubic_weights}


@dataclass(frozen=True)
class CleanOptions:
    """What stands beyond the photo's edge, how pixels are interpolated, whether the other half helps."""

    background: Background = "edge"
    interpolation: Interpolation = "cubic"
    symmetry: bool = True


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
    sight = look(cells, projection, image.shape[:2])
    if not (sight.inside & sight.is_face).any():
        raise RenderReject("render_no_face_pixels", "no point of the face lies inside the image")
    source = prepare_source(image, projection, pixels_per_mm(grids[0].camera.projection), sight.bounds_px)
    if options.background == "blur":
        photo_to_source = source.projection[:, :3] @ np.linalg.inv(projection[:, :3])
        source = blur_beyond(source, photo_to_source, sight.bounds_px)
    transparent = options.background == "transparent"
    pixels = with_border(source.image, black=options.background == "constant", alpha=transparent)
    weights = _WEIGHTS[options.interpolation]()
    renderings = []
    twins = sight.twin_steps if options.symmetry else [None] * len(grids)
    fractions = sight.fractions(symmetry=options.symmetry)
    for grid, steps, (seen, filled) in zip(grids, twins, fractions, strict=True):
        picture = sample_view(
            *(grid.points, grid.head_mask, pixels, source.projection, weights),
            steps,
            cells.cell_px,
            channels=4 if transparent else 3,
        )
        renderings.append(CleanRendering(picture, seen, filled))
    return renderings
