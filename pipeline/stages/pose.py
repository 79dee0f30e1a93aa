"""Second stage: crops to poses, a batch in one call of the network."""

import numpy as np

from faceposenet.crop_poses import CropPoses, concatenate_crop_poses, pose_crops
from fpn_core import Camera, PoseBatch, points_to_pose, projection_to_image
from fpn_core.mirror import Network
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.reasons import Reason, Reject, Stage, reject_row
from pipeline.stages.batches import DecodedFaces, PosedFaces


def pose_faces(
    network: Network, faces: DecodedFaces, care: Care = NO_CARE, report: Report = report_nothing
) -> PosedFaces:
    """Pose a batch of crops; faces without a finite pose in front of the camera become rejects."""
    found = _pose_with_care(network, faces, care, report)
    rejects = [
        reject_row(faces.rows, int(faces.position[i]), Stage.POSE, fault.reason, fault.detail)
        for i, fault in found.rejected.items()
    ]
    return _posed(faces, found.index, found.poses, network.spec.camera, faces.rejects + rejects)


def pose_faces_from_landmarks(
    landmarks_mm: np.ndarray, camera: Camera, faces: DecodedFaces, report: Report = report_nothing
) -> PosedFaces:
    """Pose a batch by the landmarks of its rows instead of the network.

    The poses are those under which the head's landmarks, float64 (68, 3), come closest to the faces' own,
    told in the camera of the network's crops like any other.
    """
    report(Stage.POSE, [faces.rows.row[at] for at in faces.position])
    assert faces.rows.landmarks_xy_px is not None
    landmarks = faces.rows.landmarks_xy_px[faces.position]
    poses = points_to_pose(landmarks, landmarks_mm, faces.window_xyxy_px, camera)
    detail = "expected 136 finite numbers, x and y of 68 landmarks of a face, not all at one place"
    rejects = list(faces.rejects)
    good = poses.finite & poses.in_front
    for i in np.flatnonzero(~good):
        at = int(faces.position[i])
        rejects.append(reject_row(faces.rows, at, Stage.POSE, Reason.LANDMARKS_INVALID, detail))
    return _posed(faces, np.flatnonzero(good), poses[good], camera, rejects)


def _posed(
    faces: DecodedFaces, keep: np.ndarray, poses: PoseBatch, camera: Camera, rejects: list[Reject]
) -> PosedFaces:
    windows = faces.window_xyxy_px[keep]
    return PosedFaces(
        faces.rows,
        faces.position[keep],
        faces.image_wh_px[keep],
        windows,
        [faces.sources[i] for i in keep],
        poses,
        projection_to_image(poses.rotation, poses.tvec_mm, windows, camera),
        rejects,
    )


def _pose_with_care(network: Network, faces: DecodedFaces, care: Care, report: Report) -> CropPoses:
    """The network's answers: of all faces at once, or of one after the other where care must be taken."""
    rows = [faces.rows.row[at] for at in faces.position]
    first = rows[0] if rows else -1
    if first in care.tried_singly | care.posed_singly:
        singly = []
        for i, row in enumerate(rows):
            report(Stage.POSE, [row])
            singly.append(pose_crops(network, faces.crops[i : i + 1]).shifted(i))
        if first in care.posed_singly:
            return concatenate_crop_poses(singly)
        # Each survived alone. What they gave is left, since a batch's last bits differ from a single face's.
    report(Stage.POSE, rows)
    return pose_crops(network, faces.crops)
