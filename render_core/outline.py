"""The outline of a head in a view, smoothed: pixels that it crosses see the head and the backdrop at once."""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float

from render_core.backdrop import backdrop_points
from render_core.head import Head
from render_core.kernel import Edges
from render_core.raster import rasterize
from render_core.view import ViewCamera

# Views up to this size are drawn twice as fine for their outlines; in larger ones a pixel is less to see.
_FINE_UP_TO_PX = 512
# What a pixel sees of the finer drawing: a tent four of its pixels wide.
_TENT = np.array([1.0, 3.0, 3.0, 1.0]) / 8
# Without a finer drawing, the mask itself is smoothed.
_SMOOTH = np.array([1.0, 2.0, 1.0]) / 4
# A smaller share does not show.
_LEAST_SHARE = 8


def outline_edges(
    head: Head,
    camera: ViewCamera,
    on_head: Float[np.ndarray, "h w 3"],
    behind: Float[np.ndarray, "h w 3"],
    head_mask: Bool[np.ndarray, "h w"],
    *,
    held: bool,
) -> Edges:
    """The pixels of a view that the head's outline crosses.

    Args:
        head: The head.
        camera: The view's camera.
        on_head: The point of the head in each pixel in mm, where there is one.
        behind: The backdrop's point in each pixel in mm.
        head_mask: Where the head is seen.
        held: Whether the points are the head's own view, which is known in these pixels alone.
    """
    fine = not held and camera.size_px <= _FINE_UP_TO_PX
    coverage = _fine_coverage(head, camera) if fine else _smoothed(head_mask.astype(np.float32), _SMOOTH)
    share = np.rint(255 * np.where(head_mask, 1 - coverage, coverage)).astype(np.int64)
    pixel = np.flatnonzero((share >= _LEAST_SHARE).reshape(-1))
    nearest = nearest_in_mask(head_mask)[pixel]
    is_head = head_mask.reshape(-1)[pixel, None]
    points = np.where(is_head, behind.reshape(-1, 3)[pixel], on_head.reshape(-1, 3)[nearest])
    return Edges(
        pixel.astype(np.int32),
        np.ascontiguousarray(points.T, np.float32),
        share.reshape(-1)[pixel].astype(np.uint8),
    )


def visible_head(
    depth: Float[np.ndarray, "h w"], behind: Float[np.ndarray, "h w 3"], camera: ViewCamera
) -> Bool[np.ndarray, "h w"]:
    """Where the head, at a depth in mm or at infinity, is seen before the backdrop.

    The backdrop also hides the back of the head, which no photo of the face shows.
    """
    backdrop_depth = behind @ camera.projection[2, :3] + camera.projection[2, 3]
    return np.asarray(np.isfinite(depth) & ~(backdrop_depth < depth))


def nearest_in_mask(mask: Bool[np.ndarray, "h w"]) -> np.ndarray:
    """int64 (h w): the number of the nearest pixel in the mask for each pixel; itself if there is none."""
    if not mask.any():
        return np.arange(mask.size)
    _, label = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    numbers = np.flatnonzero(mask)
    by_label = np.zeros(label.max() + 1, np.int64)
    by_label[label.reshape(-1)[numbers]] = numbers
    nearest: np.ndarray = by_label[label.reshape(-1)]
    return nearest


def _fine_coverage(head: Head, camera: ViewCamera) -> np.ndarray:
    """The share of head in each pixel, from a view of twice the size."""
    x, y = (2 * (centre + 0.5) - 0.5 for centre in camera.centre_px)
    fine = replace(
        camera, size_px=2 * camera.size_px, focal_px=2 * camera.focal_px, centre_px=(float(x), float(y))
    )
    size = (fine.size_px, fine.size_px)
    vertices = np.asarray(head.vertices_mm, np.float64)
    depth = rasterize(vertices, head.triangles, fine.projection, size).depth
    mask = visible_head(depth, backdrop_points(vertices, fine.projection, size), fine)
    # Of pixel i, numbers 2 i - 1 to 2 i + 2 of the finer view.
    padded = np.pad(mask, ((1, 1), (1, 1)), mode="edge").astype(np.float32)
    smooth = sum(weight * padded[k : k + fine.size_px - 1 : 2] for k, weight in enumerate(_TENT))
    return np.asarray(sum(weight * smooth[:, k : k + fine.size_px - 1 : 2] for k, weight in enumerate(_TENT)))


def _smoothed(mask: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.sepFilter2D(mask, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE))
