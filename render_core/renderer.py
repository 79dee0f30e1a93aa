"""The renderer of one head: a photo and a pose in, the views of the face out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from render_core.cells import Cells, join_cells
from render_core.clean import Background, CleanOptions, Interpolation, render_clean
from render_core.compat import CompatOptions, render_compat
from render_core.errors import RenderReject
from render_core.grid import ViewGrid, held_or_drawn_view
from render_core.head import Head, HeadView
from render_core.sight import MIRROR, check_projection
from render_core.view import PRESET_VIEWS_DEG, Degrees, ViewCamera, view_camera
from render_core.view_cache import ReadyView, ready_views

Mode = Literal["clean", "compat"]
View = Degrees | ViewCamera


@dataclass(frozen=True)
class RenderedView:
    """One view of one face.

    `image` is BGR, or BGR and alpha with a transparent background. `seen_fraction` is the share of the view's
    face pixels whose surface the photo really shows; `filled_fraction` the share whose colour comes from the
    other half of the face or from beyond the edge of the photo.
    """

    camera: ViewCamera
    image: UInt8[np.ndarray, "s s c"]
    seen_fraction: float
    filled_fraction: float

    @property
    def yaw_deg(self) -> float:
        return self.camera.yaw_deg


@dataclass(frozen=True)
class _Prepared:
    """What a renderer holds of one view; in compat mode also the head's own view of it."""

    ready: ReadyView
    compat: HeadView | None

    @property
    def grid(self) -> ViewGrid:
        return self.ready.grid


class Renderer:
    """Renders faces with one head. Build one per worker: it holds the grids of its views.

    `views` are yaws in degrees or, for any pitch and roll, cameras from `view_camera` of the same `size_px`.
    `background` says what stands for the photo beyond its edge: its edge pixels, black, a blur, or nothing
    (then images have an alpha channel). Compat mode has the original's numerics (see `render_core.compat`):
    `symmetry` there means that of the frontal view, and background and interpolation are the original's.
    With a `cache_dir` the next renderer of the same views starts in milliseconds, not in seconds.
    """

    def __init__(
        self,
        head: Head,
        views: Sequence[View] = PRESET_VIEWS_DEG,
        *,
        size_px: int = 224,
        mode: Mode = "clean",
        background: Background = "edge",
        interpolation: Interpolation = "cubic",
        symmetry: bool = True,
        cache_dir: Path | None = None,
    ) -> None:
        for name, value, choices in (
            ("mode", mode, get_args(Mode)),
            ("background", background, get_args(Background)),
            ("interpolation", interpolation, get_args(Interpolation)),
        ):
            if value not in choices:
                raise ValueError(f"{name} is {value!r}: expected one of {', '.join(choices)}")
        if not views or len(set(views)) != len(views):
            raise ValueError(f"views {tuple(views)}: expected one or more, none of them twice")
        self.size_px = size_px
        self._mode = mode
        self._clean = CleanOptions(background, interpolation, symmetry)
        self._compat = CompatOptions(symmetry=symmetry)
        self._joined: dict[tuple[View, ...], Cells] = {}
        cameras = [_camera(view, size_px) for view in views]
        self._views = {
            view: _Prepared(ready, held_or_drawn_view(head, ready.grid) if mode == "compat" else None)
            for view, ready in zip(views, ready_views(head, cameras, cache_dir), strict=True)
        }

    @property
    def views(self) -> tuple[View, ...]:
        """The views that this renderer was built for."""
        return tuple(self._views)

    def masks(self, view: View) -> tuple[Bool[np.ndarray, "s s"], Bool[np.ndarray, "s s"]]:
        """Which pixels of `view` are face, and which are head (face included)."""
        grid = self._prepared(view).grid
        return grid.face_mask, grid.head_mask

    def render(
        self,
        image: UInt8[np.ndarray, "h w 3"],
        projection: Float[np.ndarray, "3 4"],
        views: Sequence[View] | None = None,
        *,
        mirrored: bool = False,
    ) -> list[RenderedView]:
        """The `views` (default: all of the renderer's) of the face in `image`.

        `projection` maps millimetres of the head frame to pixels of `image` (0-based, centres at integers),
        whatever part of the photo `image` is. `mirrored` renders the mirrored face; image and projection
        stay those of the photo as it is. Compat mode takes the mirrored crop and its own pose instead.

        Raises RenderReject for a face that cannot be rendered, ValueError for a view that the renderer was
        not built for or a mirrored face in compat mode.
        """
        names = self.views if views is None else tuple(views)
        chosen = [self._prepared(view) for view in names]
        P = np.asarray(projection, np.float64)
        if self._mode == "compat":
            if not np.isfinite(P).all():
                raise RenderReject("pose_not_finite", "the projection holds NaN or infinity")
            if mirrored:
                raise ValueError("compat mode mirrors nothing: give it the mirrored crop and its own pose")
            return [self._render_compat(image, P, view) for view in chosen]
        check_projection(P)
        # The mirrored photo at the mirrored pose shows at X what the photo shows at diag(-1, 1, 1) X.
        P = P @ MIRROR if mirrored else P
        if names not in self._joined:
            self._joined[names] = join_cells([view.ready.cells for view in chosen])
        grids = [view.grid for view in chosen]
        rendered = render_clean(image, P, grids, self._joined[names], self._clean)
        return [
            RenderedView(view.grid.camera, done.image, done.seen_fraction, done.filled_fraction)
            for view, done in zip(chosen, rendered, strict=True)
        ]

    def _render_compat(self, image: np.ndarray, P: np.ndarray, prepared: _Prepared) -> RenderedView:
        assert prepared.compat is not None
        rendered = render_compat(image, P, prepared.compat, self._compat)
        picture = rendered.raw if rendered.symmetric is None else rendered.symmetric
        size = (self.size_px, self.size_px)
        if picture.shape[:2] != size:
            # As the original does for a recognition network.
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        camera = prepared.grid.camera
        face = prepared.compat.face_mask
        filled = ~rendered.inside
        if rendered.weights is not None:
            half = filled.shape[1] // 2
            filled[:, :half] |= rendered.weights[:, :half] > 0.5
        filled_fraction = float(filled[face].mean())
        return RenderedView(camera, picture, 1.0 - filled_fraction, filled_fraction)

    def _prepared(self, view: View) -> _Prepared:
        if view not in self._views:
            raise ValueError(
                f"view {view} was not prepared: expected one of {', '.join(map(str, self._views))}"
            )
        return self._views[view]


def _camera(view: View, size_px: int) -> ViewCamera:
    if not isinstance(view, ViewCamera):
        return view_camera(view, size_px=size_px)
    if view.size_px != size_px:
        raise ValueError(f"a view of {view.size_px} px in a renderer of {size_px} px: expected equal sizes")
    return view
