"""Jobs with the original's numerics (`render.mode: compat`): what is rendered, and with which pose.

The original renders the crop that its network sees, after a JPEG; a network that reads that very crop sees
it after the JPEG too. A face that looks to the image right is rendered from the mirrored crop, with the pose
that the network gives for it.
"""

from dataclasses import replace
from typing import Literal

import cv2
import numpy as np

from faceposenet.photo.source_window import SourceWindow
from fpn_core import Camera, NetworkSpec, extract_crop, image_to_crop, jpeg_roundtrip
from fpn_core.mirror import Network
from pipeline.engine.quarantine import NO_CARE, Care, Report, report_nothing
from pipeline.stages.batches import DecodedFaces, PosedFaces
from pipeline.stages.pose import pose_faces
from render_core import is_mirrored

_INTERPOLATION: Literal["cubic"] = "cubic"


def original_crop(
    photo: np.ndarray, window_xyxy_px: np.ndarray, crop: np.ndarray, spec: NetworkSpec
) -> tuple[np.ndarray, SourceWindow]:
    """What network and renderer see of a face, uint8 (s, s, 3) and a window; `crop` is the network's without
    the JPEG.

    photo: uint8 (h, w, 3), of full size; window: int64 (4,) in its pixels.
    """
    size_px = spec.camera.size_px
    pixels = jpeg_roundtrip(extract_crop(photo, window_xyxy_px, size_px, _INTERPOLATION))
    same = spec.size_px == size_px and spec.crop_interpolation == _INTERPOLATION
    return pixels if same else crop, SourceWindow(pixels, image_to_crop(window_xyxy_px[None], size_px)[0])


def pose_faces_as_original(
    network: Network, faces: DecodedFaces, care: Care = NO_CARE, report: Report = report_nothing
) -> PosedFaces:
    """Pose a batch of crops, and the mirrored crops of those that look to the image right.

    The poses are those of the crops as they are; `compat_projection` is of what is rendered. A face whose
    mirrored crop has no pose is a reject.
    """
    posed = pose_faces(network, faces, care, report)
    turned = np.array([is_mirrored(float(yaw_deg)) for yaw_deg in posed.poses.ypr_deg[:, 0]], dtype=bool)
    mirrored = pose_faces(network, _mirrored(faces, posed.position[turned]), care, report)
    keep = np.flatnonzero(~turned | np.isin(posed.position, mirrored.position))
    posed = posed.pick(keep, [*posed.rejects, *mirrored.rejects])
    of_mirrored = {at: i for i, at in enumerate(mirrored.position.tolist())}
    projections = []
    for i, at in enumerate(posed.position.tolist()):
        poses, j = (mirrored.poses, of_mirrored[at]) if at in of_mirrored else (posed.poses, i)
        projections.append(
            single_precision_projection(poses.rvec_rad[j], poses.tvec_mm[j], network.spec.camera)
        )
    return replace(posed, compat_projection=np.array(projections, dtype=np.float32).reshape(-1, 3, 4))


def single_precision_projection(rvec_rad: np.ndarray, tvec_mm: np.ndarray, camera: Camera) -> np.ndarray:
    """float32 (3, 4): K [R|t] as the original computes it; another rounding would move some pixels by a
    level."""
    pose = np.column_stack([cv2.Rodrigues(rvec_rad.astype(np.float32))[0], tvec_mm.astype(np.float32)])
    return np.asarray(camera.matrix.astype(np.float32) @ pose)


def _mirrored(faces: DecodedFaces, position: np.ndarray) -> DecodedFaces:
    """The faces at these places in the rows, with their crops mirrored."""
    picked = faces.pick(np.flatnonzero(np.isin(faces.position, position)), [])
    return replace(picked, crops=np.ascontiguousarray(picked.crops[:, :, ::-1]))
