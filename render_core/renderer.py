"""The renderer of one head: a photo and a pose in, the views of the face out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.errors import RenderReject
from render_core.grid import ViewGrid, build_grid
from render_core.head import Head
from render_core.view import PRESET_VIEWS_DEG, view_camera

Mode = Literal["clean", "compat"]
Background = Literal["edge", "constant", "blur", "transparent"]
Interpolation = Literal["linear", "cubic"]

_CV2_INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


@dataclass(frozen=True)
class RenderedView:
    """One view of one face.

    `image` is BGR or BGR and alpha, as its source. `seen_fraction` is the share of the view's face pixels
    whose surface the source photo really shows; `filled_fraction` the share that was filled from the other
    half of the face or from outside the photo. They add up to one.
    """

    yaw_deg: float
    image: UInt8[np.ndarray, "s s c"]
    seen_fraction: float
    filled_fraction: float


class Renderer:
    """Renders faces with one head. Build one per worker: it holds the grids of its views."""

    def __init__(
        self,
        head: Head,
        views_deg: Sequence[float] = PRESET_VIEWS_DEG,
        *,
        size_px: int = 224,
        mode: Mode = "clean",
        background: Background = "edge",
        interpolation: Interpolation = "cubic",
        symmetry: bool = True,
    ) -> None:
        self.views_deg = tuple(views_deg)
        self.size_px = size_px
        self._interpolation = _CV2_INTERPOLATION[interpolation]
        self._grids = {yaw: build_grid(head, view_camera(yaw, size_px=size_px)) for yaw in self.views_deg}

    def render(
        self,
        image: UInt8[np.ndarray, "h w 3"],
        projection: Float[np.ndarray, "3 4"],
        views_deg: Sequence[float] | None = None,
        *,
        mirrored: bool = False,
    ) -> list[RenderedView]:
        """The views `views_deg` (default: all of the renderer's) of the face in `image`.

        `projection` maps millimetres of the head frame to pixels of `image` (0-based, centres at integers),
        whatever part of the photo `image` is. `mirrored` renders the mirrored face; image and projection
        stay those of the photo as it is.

        Raises RenderReject for a face that cannot be rendered, ValueError for a view that the renderer was
        not built for.
        """
        P = np.asarray(projection, np.float64)
        _check_pose(P)
        if mirrored:
            # The mirrored photo at the mirrored pose sees X where the photo sees diag(-1, 1, 1) X.
            P = P @ MIRROR
        chosen = self.views_deg if views_deg is None else tuple(views_deg)
        return [self._render_view(image, P, self._grids[yaw]) for yaw in chosen]

    def _render_view(self, image: np.ndarray, P: np.ndarray, grid: ViewGrid) -> RenderedView:
        u, v, depth = P.astype(np.float32) @ grid.points
        inside = (
            (u >= 0) & (v >= 0) & (u <= (image.shape[1] - 1) * depth) & (v <= (image.shape[0] - 1) * depth)
        )
        face = grid.face_mask.reshape(-1)
        seen = float(inside[face].mean())
        if seen == 0:
            raise RenderReject("render_no_face_pixels", "no point of the face lies inside the image")
        shape = (grid.size_px, grid.size_px)
        rendered = cv2.remap(
            image,
            (u / depth).reshape(shape),
            (v / depth).reshape(shape),
            self._interpolation,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return RenderedView(grid.camera.yaw_deg, rendered, seen, 1.0 - seen)


def _check_pose(P: np.ndarray) -> None:
    if not np.isfinite(P).all():
        raise RenderReject("pose_not_finite", "the projection holds NaN or infinity")
    # The head's origin lies in front of a camera that does not mirror: third coordinate and det(M) agree.
    if P[2, 3] * np.linalg.det(P[:, :3]) <= 0:
        raise RenderReject("pose_behind_camera", f"the head is at depth {P[2, 3]:.1f}: expected more than 0")
