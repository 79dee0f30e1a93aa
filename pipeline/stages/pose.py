"""Second stage: crops to poses, a batch in one call of the network."""

from collections.abc import Iterator

import numpy as np

from fpn_core import Camera, PoseBatch, points_to_pose, projection_to_image
from fpn_core.mirror import Network
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.reasons import Reason, Reject, Stage, reject_row
from pipeline.stages.batches import DecodedFaces, PosedFaces


def pose_faces(
    network: Network, faces: DecodedFaces, care: Care = NO_CARE, report: Report = report_nothing
) -> PosedFaces:
    """Pose a batch of crops; faces without a finite pose in front of the camera become rejects."""
    rejects = list(faces.rejects)
    kept, poses = [], []
    for span, batch in _spans(network, faces, care, report, rejects):
        good = batch.finite & batch.in_front
        for i in np.flatnonzero(~good):
            reason = Reason.POSE_BEHIND_CAMERA if batch.finite[i] else Reason.POSE_NOT_FINITE
            detail = f"the network gave translation {batch.tvec_mm[i].tolist()} mm"
            at = int(faces.position[span.start + i])
            rejects.append(reject_row(faces.rows, at, Stage.POSE, reason, detail))
        kept.append(span.start + np.flatnonzero(good))
        poses.append(batch[good])
    keep = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    pose = _concatenate(poses or [network(faces.crops[:0])])
    return _posed(faces, keep, pose, network.spec.camera, rejects)


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


def _spans(
    network: Network, faces: DecodedFaces, care: Care, report: Report, rejects: list[Reject]
) -> Iterator[tuple[slice, PoseBatch]]:
    """The network's answers: of all faces at once, or of one after the other where care must be taken."""
    rows = [faces.rows.row[at] for at in faces.position]
    whole = slice(0, len(rows))
    first = rows[0] if rows else -1
    if first in care.tried_singly | care.posed_singly:
        singly = []
        for i, row in enumerate(rows):
            report(Stage.POSE, [row])
            singly.append(list(_run(network, faces, slice(i, i + 1), rejects)))
        if first in care.posed_singly:
            for answers in singly:
                yield from answers
            return
        # Each survived alone. What they gave is left, since a batch's last bits differ from a single face's.
        rejects[:] = faces.rejects
    report(Stage.POSE, rows)
    yield from _run(network, faces, whole, rejects)


def _run(
    network: Network, faces: DecodedFaces, span: slice, rejects: list[Reject]
) -> Iterator[tuple[slice, PoseBatch]]:
    """The network's answer for a span of faces; where it raises, halves, down to the face at fault."""
    count = span.stop - span.start
    if count == 0:
        return
    try:
        batch = network(faces.crops[span], batch_size=count)
    except Exception as error:  # whatever the runtime raises: only the face at fault may fall out
        if count == 1:
            detail = f"{type(error).__name__}: {error}"
            at = int(faces.position[span.start])
            rejects.append(reject_row(faces.rows, at, Stage.POSE, Reason.INTERNAL_ERROR, detail))
            return
        middle = span.start + count // 2
        yield from _run(network, faces, slice(span.start, middle), rejects)
        yield from _run(network, faces, slice(middle, span.stop), rejects)
    else:
        yield span, batch


def _concatenate(batches: list[PoseBatch]) -> PoseBatch:
    confidences = [batch.confidence for batch in batches if batch.confidence is not None]
    return PoseBatch(
        np.concatenate([batch.rotation for batch in batches]),
        np.concatenate([batch.tvec_mm for batch in batches]),
        np.concatenate(confidences) if confidences else None,
    )
