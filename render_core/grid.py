"""View grids: for every pixel of a view, the point of the head or of the backdrop that it sees.

A grid depends on a head and a camera, not on a photo, so a worker builds each once. Rendering a photo is then
one multiplication of the grid by the photo's camera and one look-up in the photo.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from render_core.head import NOSE_TIP, Head, HeadView, ViewedHead
from render_core.raster import rasterize
from render_core.view import ViewCamera

# The face is what lies in this ball around the nose tip: the original's face mask, exactly.
FACE_RADIUS_MM = 120.0
# The original's backdrop: a plane behind the head, 65 mm behind the origin of the head frame.
BACKDROP_Z_MM = 65.0


@dataclass(frozen=True)
class ViewGrid:
    """What one camera sees of one head.

    `points` are homogeneous (x, y, z, 1), one array per coordinate, pixels row by row: the layout in which a
    multiplication by a camera runs at the speed of the memory. `face_mask` is the part of the head that is
    face, `head_mask` all that is not backdrop.
    """

    camera: ViewCamera
    points: Float[np.ndarray, "4 n"]
    face_mask: Bool[np.ndarray, "h w"]
    head_mask: Bool[np.ndarray, "h w"]

    @property
    def size_px(self) -> int:
        return self.camera.size_px


def build_grid(head: Head, camera: ViewCamera) -> ViewGrid:
    """The grid of `head` in `camera`.

    A view that the head already holds for this camera is taken as it is; any other is drawn from the surface.
    """
    if isinstance(head, ViewedHead) and (view := _held_view(head.views, camera)) is not None:
        return _grid(camera, view.points_mm, view.face_mask & view.head_mask, view.head_mask)
    points, head_mask = draw_surface(head, camera)
    nose = head.landmarks_mm[NOSE_TIP]
    face_mask = head_mask & (np.linalg.norm(points - nose, axis=2) <= FACE_RADIUS_MM)
    return _grid(camera, points, face_mask, head_mask)


def _grid(
    camera: ViewCamera, points_mm: np.ndarray, face_mask: np.ndarray, head_mask: np.ndarray
) -> ViewGrid:
    homogeneous = np.ones((4, points_mm.shape[0] * points_mm.shape[1]), np.float32)
    homogeneous[:3] = points_mm.reshape(-1, 3).T
    return ViewGrid(camera, homogeneous, face_mask, head_mask)


def _held_view(views: Mapping[float, HeadView], camera: ViewCamera) -> HeadView | None:
    """The view with exactly the points that `camera` sees, if there is one."""
    if camera.yaw_deg not in views:
        return None
    view = views[camera.yaw_deg]
    size = (camera.size_px, camera.size_px)
    if view.head_mask.shape != size:
        return None
    # A few pixels tell: each point must project to its own pixel.
    rows, columns = (grid.reshape(-1) for grid in np.mgrid[0 : size[0] : 37, 0 : size[1] : 37])
    points = view.points_mm[rows, columns].astype(np.float64)
    projected = points @ camera.projection[:, :3].T + camera.projection[:, 3]
    offset = projected[:, :2] / projected[:, 2:] - np.stack([columns, rows], axis=1)
    return view if np.abs(offset).max() < 0.01 else None


def draw_surface(
    head: Head, camera: ViewCamera
) -> tuple[Float[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """Points in mm of the head, or of the backdrop behind it, in every pixel; and where it is the head."""
    size = (camera.size_px, camera.size_px)
    raster = rasterize(head.vertices_mm, head.faces, camera.projection, size)
    points = raster.interpolate(np.asarray(head.vertices_mm, np.float64))
    behind = plane_points(camera)
    return np.where(raster.covered[..., None], points, behind), raster.covered


def plane_points(camera: ViewCamera) -> Float[np.ndarray, "h w 3"]:
    """The points of every pixel on a plane through the back of the head.

    The plane is z = 65 mm while the camera looks at it from within 60 degrees, and turns with the camera
    beyond, so that the backdrop never runs edge-on to the camera.
    """
    P = camera.projection
    rows, columns = np.mgrid[0 : camera.size_px, 0 : camera.size_px]
    # X(d) = M^-1 (d [u, v, 1] - p4): the ray of a pixel through the camera centre.
    inverse = np.linalg.inv(P[:, :3])
    direction = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ inverse.T
    centre = -inverse @ P[:, 3]
    turn = np.radians(np.sign(camera.yaw_deg) * max(0.0, abs(camera.yaw_deg) - 60.0))
    normal = np.array([-np.sin(turn), 0.0, np.cos(turn)])
    distance = (BACKDROP_Z_MM - centre @ normal) / (direction @ normal)
    points: np.ndarray = centre + distance[..., None] * direction
    return points
