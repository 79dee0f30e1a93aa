"""Clean mode: the face as the photo shows it, its other half where the photo does not, an honest account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.cells import Cells
from render_core.errors import RenderReject
from render_core.grid import ViewGrid
from render_core.sampling import Lookup, sample_view
from render_core.sight import look
from render_core.source import blur_beyond, photo_mask, pixels_per_mm, prepare_source

Background = Literal["edge", "constant", "blur", "transparent"]
Interpolation = Literal["linear", "cubic"]

_CV2_INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
_ALPHA_LOOKUP = Lookup(cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)


@dataclass(frozen=True)
class CleanOptions:
    """What stands beyond the photo's edge, how pixels are interpolated, whether the other half helps."""

    background: Background = "edge"
    interpolation: Interpolation = "cubic"
    symmetry: bool = True

    @property
    def lookup(self) -> Lookup:
        """The options as OpenCV takes them."""
        border = cv2.BORDER_CONSTANT if self.background == "constant" else cv2.BORDER_REPLICATE
        return Lookup(_CV2_INTERPOLATION[self.interpolation], border)


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
    renderings = []
    fractions = sight.fractions(symmetry=options.symmetry)
    for number, (grid, (seen, filled)) in enumerate(zip(grids, fractions, strict=True)):
        twins = sight.twin_weights[:, number] if options.symmetry else None
        picture = sample_view(source, grid, options.lookup, twins, cells.cell_px)
        if options.background == "transparent":
            alpha = sample_view(photo_mask(source), grid, _ALPHA_LOOKUP, twins, cells.cell_px)
            picture = np.dstack([picture, alpha])
        renderings.append(CleanRendering(picture, seen, filled))
    return renderings
