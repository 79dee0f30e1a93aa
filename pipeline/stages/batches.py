"""Faces on their way through the stages: one value per stage reached, batches of them, never single rows.

A batch keeps the rows that it began with; `position` says which of them are still there. Faces that fell out
are in `rejects`. At every stage, rows = faces + rejects.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from faceposenet.photo.source_window import SourceWindow
from fpn_core import PoseBatch
from pipeline.engine.quarantine import Care
from pipeline.manifest import Rows
from pipeline.reasons import Reject, reject_row

NO_SOURCE = SourceWindow(np.zeros((1, 1, 3), np.uint8), np.eye(3))
"""Stands where a stage is not given the renderer's pixels."""


@dataclass(frozen=True)
class EncodedPhoto:
    """A whole photo as it was read, where that is smaller than the parts of it that the renderer sees."""

    data: bytes
    run: int
    """Number of the photo in its part (`image_runs`); its faces share it."""


@dataclass(frozen=True)
class DecodedFaces:
    """Faces whose image was decoded and cropped."""

    rows: Rows
    position: np.ndarray
    """int64 (n,): place in `rows`."""
    image_wh_px: np.ndarray
    """int32 (n, 2)."""
    window_xyxy_px: np.ndarray
    """int64 (n, 4): the network's window in image pixels."""
    crops: np.ndarray
    """uint8 (n, s, s, 3), BGR."""
    sources: list[SourceWindow]
    rejects: list[Reject]
    photos: Sequence[EncodedPhoto | None] = ()
    """Where another process renders: the photo that it gets in place of `sources`, where that is smaller."""

    def __len__(self) -> int:
        return len(self.position)

    def without(self, care: Care) -> "DecodedFaces":
        """The faces but those that are excluded, which become rejects."""
        keep, rejects = _excluded(self.rows, self.position, care)
        return self.pick(keep, self.rejects + rejects) if rejects else self

    def pick(self, keep: np.ndarray, rejects: list[Reject]) -> "DecodedFaces":
        """The faces at these indices, int (m,), and the rejects that go with them."""
        return DecodedFaces(
            self.rows,
            self.position[keep],
            self.image_wh_px[keep],
            self.window_xyxy_px[keep],
            self.crops[keep],
            [self.sources[i] for i in keep],
            rejects,
            [self.photos[i] for i in keep] if self.photos else (),
        )


@dataclass(frozen=True)
class PosedFaces:
    """Faces with a finite pose in front of the camera."""

    rows: Rows
    position: np.ndarray
    image_wh_px: np.ndarray
    window_xyxy_px: np.ndarray
    sources: list[SourceWindow]
    poses: PoseBatch
    projection: np.ndarray
    """float64 (n, 3, 4): head frame in mm to full-image pixels."""
    rejects: list[Reject]
    compat_projection: np.ndarray | None = None
    """float32 (n, 3, 4), in compat mode alone: head frame in mm to pixels of the source, which is to be
    mirrored where the face looks to the image right."""

    def __len__(self) -> int:
        return len(self.position)

    def without(self, care: Care) -> "PosedFaces":
        """The faces but those that are excluded, which become rejects."""
        keep, rejects = _excluded(self.rows, self.position, care)
        return self.pick(keep, self.rejects + rejects) if rejects else self

    def pick(self, keep: np.ndarray, rejects: list[Reject]) -> "PosedFaces":
        """The faces at these indices, int (m,), and the rejects that go with them."""
        return PosedFaces(
            self.rows,
            self.position[keep],
            self.image_wh_px[keep],
            self.window_xyxy_px[keep],
            [self.sources[i] for i in keep],
            self.poses[keep],
            self.projection[keep],
            rejects,
            None if self.compat_projection is None else self.compat_projection[keep],
        )


@dataclass(frozen=True)
class View:
    """One rendered and encoded picture of a face."""

    name: str
    yaw_deg: float
    encoded: bytes
    """The picture in the format of the configuration."""
    seen_fraction: float
    """Share of the view's face pixels that the photo really shows."""
    filled_fraction: float
    """Share of the view's face pixels filled by symmetry or background."""


@dataclass(frozen=True)
class FinishedFace:
    """All that is written of one face."""

    row: int
    face_id: str
    image: str
    image_wh_px: tuple[int, int]
    box_xywh_px: np.ndarray
    crop_xyxy_px: np.ndarray
    rvec_rad: np.ndarray
    tvec_mm: np.ndarray
    ypr_deg: np.ndarray
    projection: np.ndarray
    landmarks_xy_px: np.ndarray
    confidence: float | None
    mirrored: bool
    views: tuple[View, ...]
    aligned: bytes | None
    """The upright crop, where one was asked for."""
    carried: pa.Table
    """The manifest's other columns in one row. Python's values would not hold all of Arrow's."""


@dataclass(frozen=True)
class FinishedFaces:
    """The end of a batch."""

    faces: list[FinishedFace]
    rejects: list[Reject]


def _excluded(rows: Rows, position: np.ndarray, care: Care) -> tuple[np.ndarray, list[Reject]]:
    """Which faces stay, and the rejects of the others."""
    out = [i for i, at in enumerate(position) if rows.row[at] in care.exclusions]
    rejects = [
        reject_row(rows, int(position[i]), e.stage, e.reason, e.detail, e.attempts)
        for i in out
        for e in [care.exclusions[rows.row[position[i]]]]
    ]
    return np.setdiff1d(np.arange(len(position)), out), rejects
