"""Crops of a face for a recognition network: by its box, a detector's points, its pose, and views."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64, UInt8
from numpy.typing import NDArray

from faceposenet.detector import FaceDetector
from faceposenet.photo.sizes import source_size
from faceposenet.photo.source_window import source_window
from fpn_core import PoseNetwork, crop_windows, extract_crop, projection_to_image
from fpn_core.session import Device
from pipeline.config.settings import WIDE_FROM_DEG, RenderSettings
from pipeline.manifest.build.find import ALIGNED_XYWH
from render_core import Renderer, RenderReject, is_mirrored
from render_core.align import align_face, warp
from render_core.head_folder import find_head
from render_core.template import Template, similarity, template_camera
from render_core.view import view_camera

Alignment = Literal["none", "box", "detector", "pose", "pose+views"]
ALIGNMENTS: tuple[Alignment, ...] = get_args(Alignment)

VIEWS_DEG = (0, 22, 40, 75)
"""Of faces beyond WIDE_FROM_DEG; the others are compared by the crop alone."""
# Share of the smaller of two boxes that they have in common, from which they are the same face.
_SAME_FACE = 0.5
_RENDER = RenderSettings()


@dataclass(frozen=True, eq=False)
class Posed:
    """Pose of a face in its photo; `projection` is None where the network gave none."""

    projection: Float64[np.ndarray, "3 4"] | None
    yaw_deg: float


class Aligner:
    """Makes the crops of faces.

    Args:
        template: what the recognition network expects.
        model: pose network; None takes that of the package.
        detector: model of `FaceDetector`; only the alignment `detector` needs it.
        device: where the pose network runs.
        cache_dir: where prepared views are kept.
    """

    def __init__(
        self,
        template: Template,
        *,
        model: Path | None = None,
        detector: Path | None = None,
        device: Device = "auto",
        cache_dir: Path | None = None,
    ) -> None:
        self.template = template
        self.network = PoseNetwork(model, device)
        self._detector_path = detector
        self._cache_dir = cache_dir

    @cached_property
    def detector(self) -> FaceDetector:
        """The face detector; only where there is one."""
        assert self._detector_path is not None
        return FaceDetector(self._detector_path)

    def poses(
        self, photos: Sequence[UInt8[np.ndarray, "h w 3"]], boxes_xywh_px: Float64[np.ndarray, "n 4"]
    ) -> list[Posed]:
        """Returns the pose of each face in its photo."""
        spec = self.network.spec
        windows = crop_windows(boxes_xywh_px, spec.crop_expand)
        crops = [
            extract_crop(photo, window, spec.size_px, spec.crop_interpolation)
            for photo, window in zip(photos, windows, strict=True)
        ]
        found = self.network(np.stack(crops))
        good = found.finite & found.in_front
        projection = projection_to_image(found.rotation, found.tvec_mm, windows, spec.camera)
        yaw_deg = found.ypr_deg[:, 0]
        return [
            Posed(projection[i] if good[i] else None, float(yaw_deg[i]) if good[i] else float("nan"))
            for i in range(len(photos))
        ]

    def crops(
        self,
        alignment: Alignment,
        photo: UInt8[np.ndarray, "h w 3"],
        box_xywh_px: Float64[np.ndarray, " 4"],
        posed: Posed,
    ) -> list[NDArray[np.uint8]] | None:
        """Returns the crops of one face, whose embeddings are averaged; None where the alignment has none."""
        if alignment == "none":
            return [self._whole(photo)]
        if alignment == "box":
            return [self.by_box(photo, box_xywh_px)]
        if alignment == "detector":
            points = self._detected(photo, box_xywh_px)
            return None if points is None else [self._warp(photo, points)]
        if posed.projection is None:
            return None
        try:
            return self._by_pose(
                photo, box_xywh_px, posed.projection, posed.yaw_deg, views=alignment != "pose"
            )
        except RenderReject:
            return None

    def by_box(
        self, photo: UInt8[np.ndarray, "h w 3"], box_xywh_px: Float64[np.ndarray, " 4"]
    ) -> NDArray[np.uint8]:
        """Returns the crop that puts the box where boxes of detectors lie in aligned crops."""
        width, height = self.template.size_wh_px
        place = ALIGNED_XYWH * height - [(height - width) / 2, 0, 0, 0]
        x, y, w, h = box_xywh_px
        scale = float(np.sqrt(place[2] * place[3] / (w * h)))
        centre, target = np.array([x + w / 2, y + h / 2]), place[:2] + place[2:] / 2
        # Edges map onto each other: x' + 1/2 = s (x + 1/2) + b.
        shift = target - scale * centre + 0.5 * scale - 0.5
        return warp(photo, np.column_stack([scale * np.eye(2), shift]), (width, height))

    def _whole(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        width, height = self.template.size_wh_px
        scale = np.array([width / photo.shape[1], height / photo.shape[0]])
        return warp(photo, np.column_stack([np.diag(scale), 0.5 * scale - 0.5]), (width, height))

    def _warp(self, photo: NDArray[np.uint8], points_px: NDArray[np.float64]) -> NDArray[np.uint8]:
        return warp(photo, similarity(points_px, self.template.points), self.template.size_wh_px)

    def _detected(
        self, photo: NDArray[np.uint8], box_xywh_px: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """The detector's five points of the face that lies in the box."""
        found = self.detector.detect(photo)
        if not len(found):
            return None
        low = np.maximum(found.boxes_xywh_px[:, :2], box_xywh_px[:2])
        ends = found.boxes_xywh_px[:, :2] + found.boxes_xywh_px[:, 2:]
        high = np.minimum(ends, box_xywh_px[:2] + box_xywh_px[2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        smaller = np.minimum(np.prod(found.boxes_xywh_px[:, 2:], axis=1), np.prod(box_xywh_px[2:]))
        share = shared / smaller
        return found.landmarks_xy_px[share.argmax()] if share.max() >= _SAME_FACE else None

    def _by_pose(
        self,
        photo: NDArray[np.uint8],
        box_xywh_px: NDArray[np.float64],
        projection: NDArray[np.float64],
        yaw_deg: float,
        *,
        views: bool,
    ) -> list[NDArray[np.uint8]]:
        """The upright crop, and for wide faces the views, from what a job sees of the photo."""
        height = self.template.size_wh_px[1]
        source = source_window(photo, box_xywh_px, source_size(height))
        placed = source.image_to_source @ projection
        crops = [align_face(source.pixels, placed, self.template).image]
        if views and abs(yaw_deg) > WIDE_FROM_DEG:
            rendered = self._renderer.render(source.pixels, placed, mirrored=is_mirrored(yaw_deg))
            crops += [np.ascontiguousarray(view.image[:, self.template.columns]) for view in rendered]
        return crops

    @cached_property
    def _renderer(self) -> Renderer:
        height = self.template.size_wh_px[1]
        cameras = [template_camera(view_camera(yaw, size_px=height), self.template) for yaw in VIEWS_DEG]
        return Renderer(find_head(_RENDER.head, None), cameras, size_px=height, cache_dir=self._cache_dir)
