"""View grids: for every pixel of a view, the point of the head or of the backdrop that it sees.

A grid depends on a head and a camera, not on a photo, so a worker builds each once. Rendering a photo is then
one multiplication of the grid by the photo's camera and one look-up in the photo.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from render_core.backdrop import backdrop_points
from render_core.head import FACE_RADIUS_MM, LANDMARKS, NOSE_TIP, Head, HeadView, ViewedHead
from render_core.kernel import Edges
from render_core.kernel.inputs import NO_EDGES
from render_core.outline import outline_edges, visible_head
from render_core.raster import rasterize
from render_core.view import ViewCamera, crop_camera


@dataclass(frozen=True)
class ViewGrid:
    """What one camera sees of one head.

    `points` are homogeneous (x, y, z, 1), one array per coordinate, pixels row by row: the layout in which a
    multiplication by a camera runs at the speed of the memory. `face_mask` is the part of the head that is
    face, `head_mask` all that is not backdrop. `edges` are the pixels that the outline between them crosses.
    """

    camera: ViewCamera
    points: Float[np.ndarray, "4 n"]
    face_mask: Bool[np.ndarray, "h w"]
    head_mask: Bool[np.ndarray, "h w"]
    edges: Edges = NO_EDGES

    @property
    def size_px(self) -> int:
        return self.camera.size_px


def build_grid(head: Head, camera: ViewCamera) -> ViewGrid:
    """The grid of `head` in `camera`.

    Where the head holds a view of just this camera, its points are taken as they are; any other view is drawn
    from the surface. The backdrop is the same in both cases.
    """
    held = _held_view(head.views, camera) if isinstance(head, ViewedHead) else None
    if held is None:
        points, head_mask = draw_surface(head, camera)
    else:
        points, head_mask = held.points_mm.astype(np.float64), held.head_mask
    size = (camera.size_px, camera.size_px)
    behind = backdrop_points(np.asarray(head.vertices_mm, np.float64), camera.projection, size)
    depth = points @ camera.projection[2, :3] + camera.projection[2, 3]
    head_mask = visible_head(np.where(head_mask, depth, np.inf), behind, camera)
    edges = outline_edges(head, camera, points, behind, head_mask, held=held is not None)
    points = np.where(head_mask[..., None], points, behind)
    face_mask = head_mask & (np.linalg.norm(points - head.landmarks_mm[NOSE_TIP], axis=2) <= FACE_RADIUS_MM)
    return _grid(camera, points, face_mask, head_mask, edges)


def held_or_drawn_view(head: Head, camera: ViewCamera) -> HeadView:
    """The head's own view of this yaw as it is, with its own camera and backdrop; else one that is drawn."""
    upright = camera.pitch_deg == 0 and camera.roll_deg == 0
    if isinstance(head, ViewedHead) and upright and camera.yaw_deg in head.views:
        return head.views[camera.yaw_deg]
    grid = build_grid(head, camera)
    size = grid.size_px
    return HeadView(
        yaw_deg=camera.yaw_deg,
        points_mm=np.ascontiguousarray(grid.points[:3].T).reshape(size, size, 3),
        face_mask=grid.face_mask,
        head_mask=grid.head_mask,
        landmarks_mm=np.asarray(head.landmarks_mm, np.float64),
        landmark_ids=np.arange(LANDMARKS),
        photo_camera=crop_camera(size),
    )


def _grid(
    camera: ViewCamera, points_mm: np.ndarray, face_mask: np.ndarray, head_mask: np.ndarray, edges: Edges
) -> ViewGrid:
    homogeneous = np.ones((4, points_mm.shape[0] * points_mm.shape[1]), np.float32)
    homogeneous[:3] = points_mm.reshape(-1, 3).T
    return ViewGrid(camera, homogeneous, face_mask, head_mask, edges)


def _held_view(views: Mapping[float, HeadView], camera: ViewCamera) -> HeadView | None:
    """The view with exactly the points that `camera` sees, if there is one."""
    if camera.yaw_deg not in views:
        return None
    view = views[camera.yaw_deg]
    size = (camera.size_px, camera.size_px)
    if view.head_mask.shape != size:
        return None
    # A few pixels suffice: each point must project to its own pixel.
    rows, columns = (grid.reshape(-1) for grid in np.mgrid[0 : size[0] : 37, 0 : size[1] : 37])
    points = view.points_mm[rows, columns].astype(np.float64)
    projected = points @ camera.projection[:, :3].T + camera.projection[:, 3]
    offset = projected[:, :2] / projected[:, 2:] - np.stack([columns, rows], axis=1)
    return view if np.abs(offset).max() < 0.01 else None


def draw_surface(
    head: Head, camera: ViewCamera
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """The point of the head in every pixel, in mm, NaN outside it; and the mask of the head."""
    vertices = np.asarray(head.vertices_mm, np.float64)
    raster = rasterize(vertices, head.triangles, camera.projection, (camera.size_px, camera.size_px))
    return raster.interpolate(vertices), raster.covered
