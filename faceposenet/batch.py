"""Faces in batches through the network, as a job poses them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from faceposenet.crop_poses import pose_crops
from faceposenet.errors import FaceRejectedError
from faceposenet.face import Face, Rejected
from faceposenet.photo.crop import CutFace, check_box, cut_from_photo
from faceposenet.photo.decode import DecodedPhoto
from fpn_core import NetworkSpec, PoseBatch, project, projection_to_image
from fpn_core.mirror import Network


@dataclass(frozen=True)
class _Cut:
    """What the network needs of one face, so that its photo need not be kept."""

    image_wh_px: tuple[int, int]
    box_xywh_px: np.ndarray
    face: CutFace


def pose_boxes(
    network: Network,
    landmarks_mm: np.ndarray,
    photos: Iterator[DecodedPhoto | FaceRejectedError],
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
        results += _pose(network, landmarks_mm, cuts)
    return results


def _cut(
    photo: DecodedPhoto | FaceRejectedError, box_xywh_px: np.ndarray, spec: NetworkSpec
) -> _Cut | Rejected:
    try:
        check_box(box_xywh_px)
        if isinstance(photo, FaceRejectedError):
            raise photo
        return _Cut(photo.wh_px, box_xywh_px, cut_from_photo(photo, box_xywh_px, spec))
    except FaceRejectedError as fault:
        return _rejected(fault)


def _pose(
    network: Network, landmarks_mm: np.ndarray, cuts: Sequence[_Cut | Rejected]
) -> list[Face | Rejected]:
    """One batch: at most one call of the network."""
    results = {i: cut for i, cut in enumerate(cuts) if isinstance(cut, Rejected)}
    faces: dict[int, Face] = {}
    whole = [(i, cut) for i, cut in enumerate(cuts) if isinstance(cut, _Cut)]
    if whole:
        found = pose_crops(network, np.array([cut.face.crop for _, cut in whole]))
        results |= {whole[n][0]: _rejected(fault) for n, fault in found.rejected.items()}
        posed = [whole[n] for n in found.index]
        made = _faces([cut for _, cut in posed], found.poses, network.spec, landmarks_mm)
        faces = dict(zip([i for i, _ in posed], made, strict=True))
    return [faces[i] if i in faces else results[i] for i in range(len(cuts))]


def _rejected(fault: FaceRejectedError) -> Rejected:
    return Rejected(str(fault.reason), fault.detail)


def _faces(cuts: Sequence[_Cut], poses: PoseBatch, spec: NetworkSpec, landmarks_mm: np.ndarray) -> list[Face]:
    windows = np.array([cut.face.window_xyxy_px for cut in cuts], np.int64).reshape(-1, 4)
    projection = projection_to_image(poses.rotation, poses.tvec_mm, windows, spec.camera)
    ypr_deg, rvec_rad = poses.ypr_deg.tolist(), poses.rvec_rad
    landmarks_px = project(landmarks_mm, projection)
    faces = []
    for i, cut in enumerate(cuts):
        yaw_deg, pitch_deg, roll_deg = ypr_deg[i]
        face = Face(
            yaw_deg,
            pitch_deg,
            roll_deg,
            rvec_rad=rvec_rad[i],
            tvec_mm=poses.tvec_mm[i],
            projection=projection[i],
            landmarks_xy_px=landmarks_px[i],
            box_xywh_px=cut.box_xywh_px,
            crop_xyxy_px=windows[i],
            image_wh_px=cut.image_wh_px,
            confidence=None if poses.confidence is None else float(poses.confidence[i]),
        )
        faces.append(face)
    return faces
