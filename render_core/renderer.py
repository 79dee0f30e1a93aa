"""The renderer of one head: a photo and a pose in, the views of the face out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from render_core.cells import Cells, join_cells
from render_core.clean import Background, CleanOptions, Interpolation, render_clean
from render_core.compat import CompatOptions, render_compat
from render_core.errors import RasterInputError, RenderReject
from render_core.grid import held_or_drawn_view
from render_core.head import Head, HeadView
from render_core.sight import MIRROR, POSE_ERROR_DEG, checked_projection
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


class Renderer:
    """Renders faces with one head. Build one per worker: it holds the grids of its views.

    `views` are yaws in degrees or, for any pitch and roll, cameras from `view_camera` of the same `size_px`.
    `background` says what stands for the photo beyond its edge: its edge pixels, which fade into what is seen
    around; black; a blur of the edge; or nothing
    (then images have an alpha channel). Compat mode has the original's numerics (see `render_core.compat`):
    `symmetry` there means that of the frontal view, and background and interpolation are the original's.
    Without a `size_px`, views have 224 px, or in compat mode the size of the head's own views.
    With a `cache_dir` the next renderer of the same views starts in milliseconds, not in seconds.
    """

    def __init__(
        self,
        head: Head,
        views: Sequence[View] = PRESET_VIEWS_DEG,
        *,
        size_px: int | None = None,
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
        self._mode = mode
        self._size_px = size_px
        self._clean = CleanOptions(background, interpolation, symmetry)
        self._compat = CompatOptions(symmetry=symmetry)
        self._cameras = {view: _camera(view, size_px) for view in views}
        self._joined: dict[tuple[View, ...], Cells] = {}
        self._ready: dict[View, ReadyView] = {}
        self._held: dict[View, HeadView] = {}
        if mode == "compat":
            self._held = {view: held_or_drawn_view(head, camera) for view, camera in self._cameras.items()}
        else:
            ready = ready_views(head, list(self._cameras.values()), cache_dir)
            self._ready = dict(zip(self._cameras, ready, strict=True))

    @property
    def views(self) -> tuple[View, ...]:
        """The views that this renderer was built for."""
        return tuple(self._cameras)

    def masks(self, view: View) -> tuple[Bool[np.ndarray, "s s"], Bool[np.ndarray, "s s"]]:
        """Which pixels of `view` are face, and which are head (face included)."""
        self._check([view])
        if self._mode == "clean":
            grid = self._ready[view].grid
            return grid.face_mask, grid.head_mask
        held = self._held[view]
        size = held.face_mask.shape if self._size_px is None else (self._size_px, self._size_px)
        face, head = (
            cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
            for mask in (held.face_mask & held.head_mask, held.head_mask)
        )
        return face, head

    def render(
        self,
        image: UInt8[np.ndarray, "h w 3"],
        projection: Float[np.ndarray, "3 4"],
        views: Sequence[View] | None = None,
        *,
        mirrored: bool = False,
        symmetry: bool | None = None,
        pose_error_deg: float = POSE_ERROR_DEG,
    ) -> list[RenderedView]:
        """The `views` (default: all of the renderer's) of the face in `image`.

        `projection` maps millimetres of the head frame to pixels of `image` (0-based, centres at integers),
        whatever part of the photo `image` is. `mirrored` renders the mirrored face; image and projection
        stay those of the photo as it is. Compat mode takes the mirrored crop and its own pose instead.
        `symmetry`, in clean mode, is that of this face; None: the renderer's.
        `pose_error_deg` is by how much the pose may be off: nothing is sampled that such an error may move
        past the head's outline.

        Raises RenderReject for a face that cannot be rendered, ValueError for a view that the renderer was
        not built for, a mirrored face in compat mode, or an error of the pose that is no angle.
        """
        chosen = self.views if views is None else tuple(views)
        self._check(chosen)
        P = np.asarray(projection, np.float64)
        if P.shape != (3, 4):
            raise RasterInputError(
                f"the projection has the shape {P.shape}: expected (3, 4), that of one face"
            )
        if self._mode == "compat":
            if not np.isfinite(P).all():
                raise RenderReject("pose_not_finite", "the projection holds NaN or infinity")
            if mirrored:
                raise ValueError("compat mode mirrors nothing: give it the mirrored crop and its own pose")
            return [self._render_compat(image, P, view) for view in chosen]
        if not 0 <= pose_error_deg <= 90:
            raise ValueError(f"pose_error_deg is {pose_error_deg}: expected 0 to 90")
        P = checked_projection(P)
        # The mirrored photo at the mirrored pose shows at X what the photo shows at diag(-1, 1, 1) X.
        options = replace(
            self._clean,
            symmetry=self._clean.symmetry if symmetry is None else symmetry,
            pose_error_deg=pose_error_deg,
        )
        return self._render_clean(image, P @ MIRROR if mirrored else P, chosen, options)

    def _render_clean(
        self, image: np.ndarray, P: np.ndarray, chosen: tuple[View, ...], options: CleanOptions
    ) -> list[RenderedView]:
        if chosen not in self._joined:
            self._joined[chosen] = join_cells([self._ready[view].cells for view in chosen])
        grids = [self._ready[view].grid for view in chosen]
        rendered = render_clean(image, P, grids, self._joined[chosen], options)
        return [
            RenderedView(self._cameras[view], done.image, done.seen_fraction, done.filled_fraction)
            for view, done in zip(chosen, rendered, strict=True)
        ]

    def _render_compat(self, image: np.ndarray, P: np.ndarray, view: View) -> RenderedView:
        held = self._held[view]
        rendered = render_compat(image, P, held, self._compat)
        picture = rendered.raw if rendered.symmetric is None else rendered.symmetric
        if self._size_px is not None and picture.shape[0] != self._size_px:
            # As the original does for a recognition network.
            picture = cv2.resize(picture, (self._size_px, self._size_px), interpolation=cv2.INTER_CUBIC)
        filled = ~rendered.inside
        if rendered.weights is not None:
            half = filled.shape[1] // 2
            filled[:, :half] |= rendered.weights[:, :half] > 0.5
        filled_fraction = float(filled[held.face_mask].mean())
        return RenderedView(self._cameras[view], picture, 1.0 - filled_fraction, filled_fraction)

    def _check(self, views: Sequence[View]) -> None:
        for view in views:
            if view not in self._cameras:
                known = ", ".join(map(str, self._cameras))
                raise ValueError(f"view {view} was not prepared: expected one of {known}")


def _camera(view: View, size_px: int | None) -> ViewCamera:
    if not isinstance(view, ViewCamera):
        return view_camera(view) if size_px is None else view_camera(view, size_px=size_px)
    if size_px is not None and view.size_px != size_px:
        raise ValueError(f"a view of {view.size_px} px in a renderer of {size_px} px: expected equal sizes")
    return view
