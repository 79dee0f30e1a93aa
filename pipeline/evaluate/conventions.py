"""What the labels of public data sets mean, in this project's frames. The only place that knows.

Everything else counts as `fpn_core` does: rotations head to camera with x right, y down, z away, pixels from
0 at the centre of the first one.
"""

import numpy as np
from jaxtyping import Float, Float64

from fpn_core import aflw_to_head_rotation, head_rotation_to_aflw

ANGLE_NAMES = ("yaw", "pitch", "roll")
"""The order in which angles are reported."""

PUBLISHED_LIMIT_DEG = 99.0
"""The published comparisons on AFLW2000-3D leave out faces with an angle beyond (Ruiz et al., 2018)."""


def aflw_labels_to_rotation(pitch_yaw_roll_deg: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3 3"]:
    """Head rotations from the angles of AFLW2000-3D and 300W-LP (`Pose_Para`, there in radians)."""
    return aflw_to_head_rotation(*pitch_yaw_roll_deg.T)


def rotation_to_published_angles(rotation: Float[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "n 3"]:
    """(yaw, pitch, roll) in degrees with the order of turns and the signs of AFLW2000-3D, in which errors are
    published: positive yaw turns the nose to the LEFT of the image, positive pitch lifts it, positive roll
    turns the head CLOCKWISE."""
    return head_rotation_to_aflw(rotation)[:, [1, 0, 2]]


def biwi_label_to_rotation(rotation: Float[np.ndarray, "3 3"]) -> Float64[np.ndarray, "3 3"]:
    """Head rotation from the matrix of a `frame_*_pose.txt` of BIWI: the same matrix.

    It turns the head into the depth camera, with x right, y down, z away: the angles that Ruiz et al. (2018)
    take out of it have the signs of AFLW. As in their evaluation and those after it, the turn from the depth
    camera to the colour camera (about one degree) is left out.
    """
    return rotation.astype(np.float64)


def matlab_to_pixels(points: Float[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
    """Points of files written by MATLAB (AFLW2000-3D, 300-W), whose first pixel is at 1."""
    return points.astype(np.float64) - 1.0
