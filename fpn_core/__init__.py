"""Head pose of face crops: crops, rotations, cameras, pose networks. The README has the conventions."""

import os

# OpenCV reads this limit once, when it is first imported; see faceposenet/__init__.py.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

from fpn_core.camera import (
    FPN_227,
    Camera,
    axes_points_mm,
    mirror_pose,
    project,
    projection_to_crop,
    projection_to_image,
)
from fpn_core.crop import (
    crop_to_image,
    crop_windows,
    extract_crop,
    image_to_crop,
    jpeg_roundtrip,
    valid_boxes,
)
from fpn_core.errors import (
    BoxError,
    CheckpointError,
    FpnError,
    GeometryError,
    MissingPackageError,
    ModelError,
    ModelFileError,
    ModelInputError,
    ModelMetadataError,
    ModelOutputError,
    ProviderError,
)
from fpn_core.inspection import ModelReport, describe_model, inspect_model
from fpn_core.metadata import NetworkSpec, Normalisation, metadata_to_spec, spec_to_metadata, write_metadata
from fpn_core.mirror import MirrorAveraged, poses_averaged_with_mirrored, poses_with_mirrored
from fpn_core.models import default_model_path
from fpn_core.network import PoseNetwork
from fpn_core.points import points_to_pose
from fpn_core.pose import PoseBatch
from fpn_core.rotation import (
    aflw_to_head_rotation,
    geodesic_deg,
    head_rotation_to_aflw,
    matrix_to_rvec,
    matrix_to_ypr_deg,
    nearest_rotation,
    rvec_to_matrix,
    ypr_deg_to_matrix,
)

__all__ = [
    "FPN_227",
    "BoxError",
    "Camera",
    "CheckpointError",
    "FpnError",
    "GeometryError",
    "MirrorAveraged",
    "MissingPackageError",
    "ModelError",
    "ModelFileError",
    "ModelInputError",
    "ModelMetadataError",
    "ModelOutputError",
    "ModelReport",
    "NetworkSpec",
    "Normalisation",
    "PoseBatch",
    "PoseNetwork",
    "ProviderError",
    "aflw_to_head_rotation",
    "axes_points_mm",
    "crop_to_image",
    "crop_windows",
    "default_model_path",
    "describe_model",
    "extract_crop",
    "geodesic_deg",
    "head_rotation_to_aflw",
    "image_to_crop",
    "inspect_model",
    "jpeg_roundtrip",
    "matrix_to_rvec",
    "matrix_to_ypr_deg",
    "metadata_to_spec",
    "mirror_pose",
    "nearest_rotation",
    "points_to_pose",
    "poses_averaged_with_mirrored",
    "poses_with_mirrored",
    "project",
    "projection_to_crop",
    "projection_to_image",
    "rvec_to_matrix",
    "spec_to_metadata",
    "valid_boxes",
    "write_metadata",
    "ypr_deg_to_matrix",
]
