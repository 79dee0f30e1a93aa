"""What the renderer needs of a head: its surface, its landmarks, and views that are known exactly."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Integer

from render_core.errors import HeadError

LANDMARKS = 68
"""Points of a face in the order of 300-W."""

NOSE_TIP = 30
"""Row of the nose tip among them (0-based, the numbering of 300-W less one)."""

FACE_RADIUS_MM = 120.0
"""The face is what lies in this ball around the nose tip: the face mask of Masi et al.'s renderer."""


@runtime_checkable
class Head(Protocol):
    """A head's surface in the head frame. `landmarks_mm` are the 68 points of 300-W in their order."""

    @property
    def vertices_mm(self) -> Float[np.ndarray, "v 3"]: ...

    @property
    def triangles(self) -> Integer[np.ndarray, "f 3"]: ...

    @property
    def landmarks_mm(self) -> Float[np.ndarray, "68 3"]: ...


@dataclass(frozen=True)
class HeadView:
    """What one camera sees of a head and the backdrop behind it: the 3D point of every pixel.

    `face_mask` is the face, `head_mask` all that is not backdrop. Landmarks are those visible in this view;
    `landmark_ids` says which (0-based, order of 300-W). `photo_camera` is the K with which the original finds
    the pose of a photo from this view's landmarks.
    """

    yaw_deg: float
    points_mm: Float[np.ndarray, "h w 3"]
    face_mask: Bool[np.ndarray, "face_h face_w"]
    head_mask: Bool[np.ndarray, "head_h head_w"]
    landmarks_mm: Float[np.ndarray, "k 3"]
    landmark_ids: Integer[np.ndarray, " ids"]
    photo_camera: Float[np.ndarray, "3 3"]

    def __post_init__(self) -> None:
        shape = self.points_mm.shape[:2]
        if self.face_mask.shape != shape or self.head_mask.shape != shape:
            raise HeadError(
                f"masks of {self.face_mask.shape} and {self.head_mask.shape} pixels with points of {shape}: "
                "expected equal sizes"
            )
        if len(self.landmark_ids) != len(self.landmarks_mm):
            raise HeadError(
                f"{len(self.landmarks_mm)} landmarks with {len(self.landmark_ids)} numbers: expected as many"
            )
        if not np.isfinite(self.points_mm).all() or not np.isfinite(self.landmarks_mm).all():
            raise HeadError("points or landmarks hold NaN or infinity: expected finite numbers only")
        if not self.face_mask.any():
            raise HeadError("the face mask is empty: expected at least one pixel")


@dataclass(frozen=True)
class ViewedHead:
    """A head known from views, such as the original's; `views` are keyed by yaw in degrees.

    As a surface it is the union of what its views see.
    """

    name: str
    views: Mapping[float, HeadView]
    _surface: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.views:
            raise HeadError(f"head {self.name!r} has no views: expected at least one")

    @property
    def vertices_mm(self) -> Float[np.ndarray, "v 3"]:
        """The points of all views' head pixels."""
        return self._built()["vertices_mm"]

    @property
    def triangles(self) -> Integer[np.ndarray, "f 3"]:
        """Two triangles for every square of neighbouring head pixels without a jump in depth."""
        return self._built()["triangles"]

    @property
    def landmarks_mm(self) -> Float[np.ndarray, "68 3"]:
        """The 68 landmarks; each from the view that is nearest to frontal and shows it."""
        return self._built()["landmarks_mm"]

    def _built(self) -> dict[str, np.ndarray]:
        if not self._surface:
            vertices, triangles = views_to_mesh(self.views.values())
            self._surface.update(
                vertices_mm=vertices, triangles=triangles, landmarks_mm=_merged_landmarks(self)
            )
        return self._surface


def geometry_sha256(head: Head) -> str:
    """SHA-256 (hex) of a head's geometry, not of its name: the key of caches and fingerprints.

    For a head known from views it covers the points of the views themselves, from which the surface follows.
    """
    if isinstance(head, ViewedHead):
        arrays = [
            a for view in head.views.values() for a in (view.points_mm, view.head_mask, view.landmarks_mm)
        ]
    else:
        arrays = [head.vertices_mm, head.triangles, head.landmarks_mm]
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _merged_landmarks(head: ViewedHead) -> np.ndarray:
    landmarks = np.full((LANDMARKS, 3), np.nan)
    for yaw in sorted(head.views, key=abs, reverse=True):
        view = head.views[yaw]
        landmarks[view.landmark_ids] = view.landmarks_mm
    missing = np.flatnonzero(np.isnan(landmarks[:, 0]))
    if missing.size:
        raise HeadError(f"head {head.name!r}: no view shows landmarks {missing.tolist()}: expected all 68")
    return landmarks


# Neighbouring pixels are about 1.2 mm apart; a much longer side joins two surfaces, one behind the other.
_LONGEST_SIDE_MM = 12.0


def views_to_mesh(
    views: Iterable[HeadView], stride: int = 1
) -> tuple[Float[np.ndarray, "v 3"], Integer[np.ndarray, "f 3"]]:
    """The surfaces of all views side by side, drawn from every `stride`-th pixel."""
    vertices: list[np.ndarray] = []
    triangles: list[np.ndarray] = []
    for view in views:
        view_vertices, view_triangles = _view_to_mesh(view, stride)
        triangles.append(view_triangles + sum(map(len, vertices)))
        vertices.append(view_vertices)
    return np.concatenate(vertices), np.concatenate(triangles)


def _view_to_mesh(view: HeadView, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Two triangles for every square of neighbouring head pixels without a jump in depth."""
    points = view.points_mm[::stride, ::stride].astype(np.float64)
    is_head = view.head_mask[::stride, ::stride].reshape(-1)
    number = np.arange(is_head.size).reshape(points.shape[:2])
    a, b = number[:-1, :-1].reshape(-1), number[:-1, 1:].reshape(-1)
    c, d = number[1:, :-1].reshape(-1), number[1:, 1:].reshape(-1)
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    triangles = triangles[is_head[triangles].all(axis=1)]
    corners = points.reshape(-1, 3)[triangles]
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    triangles = triangles[sides.max(axis=1) < _LONGEST_SIDE_MM * stride]
    used, renumbered = np.unique(triangles, return_inverse=True)
    return points.reshape(-1, 3)[used], renumbered.reshape(-1, 3)
