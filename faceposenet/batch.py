"""Faces in batches through the network, as a job's stages do it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa

from faceposenet.face import Face, Rejected
from fpn_core import NetworkSpec, project, valid_boxes
from fpn_core.mirror import Network
from pipeline.manifest import Rows
from pipeline.reasons import Reason
from pipeline.stages.batches import DecodedFaces, PosedFaces, SourceWindow
from pipeline.stages.decode import CutFace, cut_from_photo
from pipeline.stages.photo import FaceError, Photo
from pipeline.stages.pose import pose_faces

# Poses need no more of a photo than the crop; what the renderer sees is cut when views are asked for.
_NO_SOURCE = SourceWindow(np.zeros((0, 0, 3), np.uint8), np.eye(3))


@dataclass(frozen=True)
class _Cut:
    """What the network needs of one face, so that its photo need not be kept."""

    image_wh_px: tuple[int, int]
    face: CutFace


def pose_boxes(
    network: Network,
    landmarks_mm: np.ndarray,
    photos: Iterator[Photo | FaceError],
    boxes_xywh_px: np.ndarray,
    batch_size: int,
) -> list[Face | Rejected]:
    """The pose of each box, float64 (n, 4), in its photo, or why there is none.

    `landmarks_mm`: the head's, float64 (68, 3). Photos are taken one by one, a batch of crops is all that is
    held of them.

    Raises:
        ValueError: another number of photos than of boxes.
    """
    results: list[Face | Rejected] = []
    pairs = zip(photos, boxes_xywh_px, strict=True)
    while cuts := [_cut(photo, box, network.spec) for photo, box in islice(pairs, batch_size)]:
        boxes = boxes_xywh_px[len(results) : len(results) + len(cuts)]
        results += _pose(network, landmarks_mm, cuts, boxes)
    return results


def _cut(photo: Photo | FaceError, box_xywh_px: np.ndarray, spec: NetworkSpec) -> _Cut | Rejected:
    try:
        if not valid_boxes(box_xywh_px[None])[0]:
            detail = f"box {box_xywh_px.tolist()}: expected finite x, y and width, height above 0, in pixels"
            raise FaceError(Reason.BOX_INVALID, detail)
        if isinstance(photo, FaceError):
            raise photo
        return _Cut(photo.wh_px, cut_from_photo(photo, box_xywh_px, spec))
    except FaceError as fault:
        return Rejected(str(fault.reason), str(fault))


def _pose(
    network: Network, landmarks_mm: np.ndarray, cuts: Sequence[_Cut | Rejected], boxes_xywh_px: np.ndarray
) -> list[Face | Rejected]:
    """One batch: at most one call of the network."""
    whole = [(i, cut) for i, cut in enumerate(cuts) if isinstance(cut, _Cut)]
    results: dict[int, Face | Rejected] = {i: cut for i, cut in enumerate(cuts) if isinstance(cut, Rejected)}
    if whole:
        posed = pose_faces(network, _decoded(whole, boxes_xywh_px))
        results |= {reject.row: Rejected(str(reject.reason), reject.detail) for reject in posed.rejects}
        results |= dict(zip(posed.position.tolist(), _faces(posed, landmarks_mm), strict=True))
    return [results[i] for i in range(len(cuts))]


def _decoded(whole: Sequence[tuple[int, _Cut]], boxes_xywh_px: np.ndarray) -> DecodedFaces:
    """The faces as the job's second stage takes them."""
    n = len(boxes_xywh_px)
    names = [str(i) for i in range(n)]
    return DecodedFaces(
        Rows(list(range(n)), names, [""] * n, None, boxes_xywh_px, {}, pa.table({})),
        np.array([i for i, _ in whole]),
        np.array([cut.image_wh_px for _, cut in whole], np.int32),
        np.array([cut.face.window_xyxy_px for _, cut in whole], np.int64),
        np.array([cut.face.crop for _, cut in whole]),
        [_NO_SOURCE] * len(whole),
        [],
    )


def _faces(posed: PosedFaces, landmarks_mm: np.ndarray) -> list[Face]:
    poses = posed.poses
    ypr_deg, rvec_rad = poses.ypr_deg.tolist(), poses.rvec_rad
    landmarks_px = project(landmarks_mm, posed.projection)
    faces = []
    for i, at in enumerate(posed.position):
        yaw_deg, pitch_deg, roll_deg = ypr_deg[i]
        face = Face(
            yaw_deg,
            pitch_deg,
            roll_deg,
            rvec_rad=rvec_rad[i],
            tvec_mm=poses.tvec_mm[i],
            projection=posed.projection[i],
            landmarks_xy_px=landmarks_px[i],
            box_xywh_px=posed.rows.box_xywh_px[at],
            crop_xyxy_px=posed.window_xyxy_px[i],
            image_wh_px=(int(posed.image_wh_px[i, 0]), int(posed.image_wh_px[i, 1])),
            confidence=None if poses.confidence is None else float(poses.confidence[i]),
        )
        faces.append(face)
    return faces
