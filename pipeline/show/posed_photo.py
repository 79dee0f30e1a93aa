"""One photo with the pose of its face, from files: what `fpn render` starts from."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.load import load_photo
from fpn_core import (
    FPN_227,
    Camera,
    PoseBatch,
    extract_crop,
    jpeg_roundtrip,
    matrix_to_ypr_deg,
    points_to_pose,
    projection_to_image,
    rvec_to_matrix,
)
from pipeline.errors import PipelineError
from pipeline.io.landmark_files import read_landmarks
from pipeline.stages.compat import single_precision_projection
from render_core.head import Head, ViewedHead
from render_core.view import ViewCamera, crop_camera

PoseFile = dict[str, list[float]]


class InputFileError(PipelineError):
    """A photo, pose or landmark file that cannot be used."""


@dataclass(frozen=True)
class PosedPhoto:
    """A photo and the projection of the head into it."""

    image: np.ndarray
    projection: np.ndarray
    yaw_deg: float


def posed_by_landmarks(
    photo: np.ndarray, landmarks_px: np.ndarray, head: Head, camera: ViewCamera, *, compat: bool
) -> PosedPhoto:
    """The photo with the pose that 68 landmarks "68 2" give.

    In compat mode every view has its own pose, from its own landmarks and camera, as in the original.
    """
    if compat and isinstance(head, ViewedHead) and camera.yaw_deg in head.views:
        view = head.views[camera.yaw_deg]
        poses = fit_pose(landmarks_px[view.landmark_ids], view.landmarks_mm, view.photo_camera)
        matrix = view.photo_camera
    else:
        matrix = crop_camera(max(photo.shape[:2]))
        poses = fit_pose(landmarks_px, head.landmarks_mm, matrix)
    projection = matrix @ np.column_stack([poses.rotation[0], poses.tvec_mm[0]])
    return PosedPhoto(photo, projection, _yaw_deg(poses.rotation[0]))


def fit_pose(landmarks_px: np.ndarray, landmarks_mm: np.ndarray, matrix: np.ndarray) -> PoseBatch:
    """The one pose with which landmarks of a head, (n, 3), are seen closest to (n, 2) pixels of a photo.

    `matrix`: K of the camera, (3, 3), on the pixels of the photo.

    Raises:
        InputFileError: no pose follows from them.
    """
    # A window of the camera's own size: pixels of the crop are those of the photo.
    size_px = max(1, round(2 * float(matrix[0, 2])))
    focal, centre = (float(matrix[0, 0]), float(matrix[1, 1])), (float(matrix[0, 2]), float(matrix[1, 2]))
    camera, window = Camera("photo", focal, centre, size_px), np.array([[0, 0, size_px, size_px]])
    poses = points_to_pose(landmarks_px[None], np.asarray(landmarks_mm, np.float64), window, camera)
    if not poses.finite[0]:
        raise InputFileError(
            f"no pose follows from {len(landmarks_px)} landmarks at one place: expected a face"
        )
    return poses


def posed_by_file(photo: np.ndarray, content: PoseFile, *, compat: bool) -> PosedPhoto:
    """The photo, in compat mode the crop of it, with the pose of a JSON file.

    The pose is that of FacePoseNet's crop: the photo itself, or its window `crop_xyxy_px`.
    """
    rotation = rvec_to_matrix(np.array([content["rvec_rad"]], np.float64))
    tvec = np.array([content["tvec_mm"]], np.float64)
    yaw = _yaw_deg(rotation[0])
    if compat:
        rvec, tvec_mm = np.array(content["rvec_rad"]), np.array(content["tvec_mm"])
        projection = single_precision_projection(rvec, tvec_mm, FPN_227)
    else:
        projection = FPN_227.matrix @ np.column_stack([rotation[0], tvec[0]])
    if "crop_xyxy_px" not in content:
        return PosedPhoto(photo, projection, yaw)
    window = np.rint(content["crop_xyxy_px"]).astype(np.int64)
    if compat:
        # The original renders the crop that its network saw, after a JPEG.
        return PosedPhoto(jpeg_roundtrip(extract_crop(photo, window, FPN_227.size_px)), projection, yaw)
    return PosedPhoto(photo, projection_to_image(rotation, tvec, window[None])[0], yaw)


def _yaw_deg(rotation: np.ndarray) -> float:
    return float(matrix_to_ypr_deg(rotation[None])[0, 0])


def read_pose(path: Path) -> PoseFile:
    """The checked content of a JSON file with a pose."""
    expected = (
        'expected {"rvec_rad": [3 numbers], "tvec_mm": [3 numbers], "crop_xyxy_px": [4 numbers] or absent}'
    )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        lengths = {"rvec_rad": 3, "tvec_mm": 3, "crop_xyxy_px": 4}
        for name, length in lengths.items():
            if name == "crop_xyxy_px" and content.get(name) is None:
                content.pop(name, None)
            elif (
                np.array(content[name], np.float64).shape != (length,) or not np.isfinite(content[name]).all()
            ):
                raise ValueError(f"{name} is {content[name]}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputFileError(f"{path} is no pose ({error}): {expected}") from error
    found: PoseFile = content
    return found


def read_landmark_file(path: Path) -> np.ndarray:
    """The landmarks, float64 (68, 2) in pixels from 0, in a text file or in a .pts file of 300-W."""
    try:
        return read_landmarks(path)
    except (OSError, ValueError) as error:
        raise InputFileError(
            f"{path} is not a file of landmarks ({error}): expected 68 lines 'x y' in pixels from 0, or a "
            ".pts file of 300-W with 68 points in braces"
        ) from error


def read_photo(path: Path) -> np.ndarray:
    """The picture in a file, BGR, turned as its EXIF data say."""
    try:
        return load_photo(str(path))
    except FaceRejectedError as fault:
        raise InputFileError(f"{path}: {fault.detail}") from fault
