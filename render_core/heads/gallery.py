"""Pictures of heads: shaded like plaster, in rows of views."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from render_core.errors import HeadError
from render_core.head import NOSE_TIP
from render_core.heads.build import head_names, load_head
from render_core.heads.mesh import HeadMesh
from render_core.raster import rasterize

GALLERY_YAWS_DEG = (0.0, 22.0, 40.0, 55.0, 75.0)

_DISTANCE_MM = 3000.0
_SPAN_MM = 250.0
# The middle of the picture against the nose tip: head and neck, with the back of the head in sight.
_MIDDLE_MM = np.array([0.0, -15.0, 92.0])
_LIGHT = np.array([-0.45, -0.55, -0.70])
_PLASTER_BGR = np.array([202.0, 216.0, 235.0])
_PAPER = 255
# Drawn larger and scaled down, for smooth outlines.
_OVERSAMPLING = 2


def gallery(
    names: Sequence[str] | None = None, yaws_deg: Sequence[float] = GALLERY_YAWS_DEG, size_px: int = 224
) -> UInt8[np.ndarray, "h w 3"]:
    """Draws heads of the package by name.

    Args:
        names: names of heads, one row each; None: all of the package.
        yaws_deg: one column each.
        size_px: side of one drawing, at least 16.

    Returns:
        The picture, BGR.

    Raises:
        HeadError: unknown names, no names or yaws, or drawings smaller than 16 px.

    Example:
        >>> gallery(["open-mean"], [0.0, 40.0], size_px=32).ndim
        3
    """
    return draw_heads(
        [load_head(name) for name in (head_names() if names is None else names)], yaws_deg, size_px
    )


def draw_heads(
    heads: Sequence[HeadMesh], yaws_deg: Sequence[float] = GALLERY_YAWS_DEG, size_px: int = 224
) -> UInt8[np.ndarray, "h w 3"]:
    """Draws heads as plaster, one row per head with its name at the left, and one column per yaw.

    Args:
        heads: the heads.
        yaws_deg: one column each.
        size_px: side of one drawing, at least 16.

    Returns:
        The picture, BGR.

    Raises:
        HeadError: no heads or yaws, or drawings smaller than 16 px.

    Example:
        >>> draw_heads([load_head()], [0.0], size_px=32).dtype
        dtype('uint8')
    """
    if not len(heads) or not len(yaws_deg) or size_px < 16:
        raise HeadError(
            f"{len(heads)} heads at {len(yaws_deg)} yaws in tiles of {size_px} px: "
            "expected at least one of each and 16 px"
        )
    rows = []
    for head in heads:
        row = np.hstack([shade(head, yaw, size_px) for yaw in yaws_deg])
        scale = size_px / 448
        origin = (round(12 * scale), size_px - round(14 * scale))
        cv2.putText(row, head.name, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, (90, 90, 90), 1, cv2.LINE_AA)
        rows.append(row)
    return np.vstack(rows)


def shade(head: HeadMesh, yaw_deg: float, size_px: int) -> UInt8[np.ndarray, "s s 3"]:
    """A BGR picture of a head under one light; positive yaw turns the nose to the image left."""
    size = size_px * _OVERSAMPLING
    rotation = _turn(yaw_deg)
    raster = rasterize(head.vertices_mm, head.triangles, _projection(head, rotation, size), (size, size))
    normals = raster.interpolate(head.normals @ rotation.T)[raster.covered]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    # A mesh may be seen from inside, at the rim of the neck: both sides are lit alike.
    normals *= -np.sign(normals[:, 2:])
    light = _LIGHT / np.linalg.norm(_LIGHT)
    # Lambert's law, some light from the camera, and a little from everywhere.
    brightness = 0.78 * np.maximum(normals @ light, 0) + 0.18 * np.maximum(-normals[:, 2], 0) + 0.06
    picture = np.full((size, size, 3), _PAPER, np.uint8)
    picture[raster.covered] = np.clip(brightness[:, None] * _PLASTER_BGR, 0, 255).round()
    return np.asarray(cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)


def _turn(yaw_deg: float) -> Float[np.ndarray, "3 3"]:
    yaw = np.deg2rad(yaw_deg)
    # yaw = -asin(R[2, 0])
    return np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])


def _projection(head: HeadMesh, rotation: np.ndarray, size: int) -> Float[np.ndarray, "3 4"]:
    focal = size / _SPAN_MM * _DISTANCE_MM
    K = np.array([[focal, 0, (size - 1) / 2], [0, focal, (size - 1) / 2], [0, 0, 1]])
    middle = head.landmarks_mm[NOSE_TIP] + _MIDDLE_MM
    return np.asarray(K @ np.column_stack([rotation, [0, 0, _DISTANCE_MM] - rotation @ middle]))
