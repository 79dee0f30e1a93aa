"""Rotations in their several forms, all batched.

A rotation R maps head to camera (both right-handed: x right, y down, z away). Its angles are those of
R = Rz(roll) Ry(yaw) Rx(pitch): positive yaw turns the nose to the left of the image, positive pitch lowers
it, positive roll turns the head clockwise in the image.
"""

import numpy as np
from jaxtyping import Float, Float64
from numpy.typing import NDArray


def rvec_to_matrix(rvec_rad: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3 3"]:
    """Converts rotation vectors to matrices.

    Args:
        rvec_rad: axis times angle in radians.

    Returns:
        Proper rotation matrices, head to camera.

    Example:
        >>> rvec_to_matrix(np.array([[0, 0, np.pi / 2]])).round(6)[0].tolist()
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    rvec = rvec_rad.astype(np.float64)
    angle = np.linalg.norm(rvec, axis=1)
    cross = np.zeros((len(rvec), 3, 3))
    cross[:, 2, 1], cross[:, 0, 2], cross[:, 1, 0] = rvec.T
    cross[:, 1, 2], cross[:, 2, 0], cross[:, 0, 1] = -rvec.T
    # Rodrigues: R = I + sin(a)/a [r] + (1 - cos(a))/a^2 [r]^2, and 1 - cos(a) = 2 sin^2(a/2).
    # np.sinc(x) is sin(pi x)/(pi x), exact at 0.
    first = np.sinc(angle / np.pi)[:, None, None]
    second = 0.5 * np.sinc(angle / (2 * np.pi))[:, None, None] ** 2
    matrix: NDArray[np.float64] = np.eye(3) + first * cross + second * (cross @ cross)
    return matrix


def matrix_to_rvec(rotation: Float[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "n 3"]:
    """Converts matrices to rotation vectors of at most pi radians.

    The result is exact to rounding, also near 0 and near pi.

    Args:
        rotation: proper rotation matrices.

    Returns:
        Axis times angle in radians.

    Example:
        >>> quarter_turn = ypr_deg_to_matrix(np.array([[0.0, 0.0, 90.0]]))
        >>> matrix_to_rvec(quarter_turn).round(4).tolist()
        [[0.0, 0.0, 1.5708]]
    """
    quaternion = _matrix_to_quaternion(rotation.astype(np.float64))
    w, xyz = quaternion[:, 0], quaternion[:, 1:]
    sine = np.linalg.norm(xyz, axis=1)
    # angle / sin(angle / 2), with its limit 2 at 0.
    tiny = sine < 1e-12
    factor = np.where(tiny, 2.0, 2 * np.arctan2(sine, w) / np.where(tiny, 1.0, sine))
    return xyz * factor[:, None]


def _matrix_to_quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit quaternions (w, x, y, z), w >= 0, by the largest component of each (Shepperd, 1978)."""
    m = rotation
    # The matrix 4 q q^T has all of its entries in R; its row of the largest diagonal entry is q, well scaled.
    outer = np.empty((len(m), 4, 4))
    trace = np.trace(m, axis1=1, axis2=2)
    outer[:, 0, 0] = 1 + trace
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        outer[:, i + 1, i + 1] = 1 + 2 * m[:, i, i] - trace
        outer[:, 0, i + 1] = outer[:, i + 1, 0] = m[:, k, j] - m[:, j, k]
        outer[:, i + 1, j + 1] = outer[:, j + 1, i + 1] = m[:, i, j] + m[:, j, i]
    largest = np.argmax(np.diagonal(outer, axis1=1, axis2=2), axis=1)
    quaternion = outer[np.arange(len(m)), largest]
    quaternion = quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)
    upper: NDArray[np.float64] = np.where(quaternion[:, :1] < 0, -quaternion, quaternion)
    return upper


def matrix_to_ypr_deg(rotation: Float[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "n 3"]:
    """Converts matrices to yaw, pitch and roll.

    At a yaw of 90 or -90 degrees, pitch and roll turn about the same axis; the whole turn is then returned as
    pitch, with a roll of 0.

    Args:
        rotation: proper rotation matrices, head to camera.

    Returns:
        Yaw (within +-90), pitch and roll in degrees.

    Example:
        >>> matrix_to_ypr_deg(rvec_to_matrix(np.array([[0.0, np.pi / 6, 0.0]])))[0, 0].round(6)
        np.float64(30.0)
    """
    r = rotation.astype(np.float64)
    # Third row (-sin yaw, cos yaw sin pitch, cos yaw cos pitch); first column (cos yaw cos roll, cos yaw
    # sin roll, .).
    cos_yaw = np.hypot(r[:, 0, 0], r[:, 1, 0])
    yaw = np.arctan2(-r[:, 2, 0], cos_yaw)
    locked = cos_yaw < 1e-9
    # With yaw = +-90 and roll = 0 the middle column is (., cos pitch, .) and the last (., -sin pitch, .).
    pitch = np.where(locked, np.arctan2(-r[:, 1, 2], r[:, 1, 1]), np.arctan2(r[:, 2, 1], r[:, 2, 2]))
    roll = np.where(locked, 0.0, np.arctan2(r[:, 1, 0], r[:, 0, 0]))
    ypr_deg: NDArray[np.float64] = np.rad2deg(np.stack([yaw, pitch, roll], axis=1))
    return ypr_deg


def ypr_deg_to_matrix(ypr_deg: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3 3"]:
    """Converts yaw, pitch and roll to matrices Rz(roll) Ry(yaw) Rx(pitch).

    The inverse of `matrix_to_ypr_deg`.

    Args:
        ypr_deg: yaw, pitch and roll in degrees.

    Returns:
        Rotation matrices, head to camera.

    Example:
        >>> turned = ypr_deg_to_matrix(np.array([[30.0, 10.0, -5.0]]))
        >>> matrix_to_ypr_deg(turned).round(6).tolist()
        [[30.0, 10.0, -5.0]]
    """
    yaw, pitch, roll = np.deg2rad(ypr_deg.astype(np.float64)).T
    rotation: NDArray[np.float64] = (
        rotation_about_axis(2, roll) @ rotation_about_axis(1, yaw) @ rotation_about_axis(0, pitch)
    )
    return rotation


def rotation_about_axis(axis: int, angle_rad: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, "n 3 3"]:
    """Right-handed rotations about one coordinate axis: 0 for x, 1 for y, 2 for z."""
    matrix = np.zeros((len(angle_rad), 3, 3))
    j, k = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, axis, axis] = 1
    matrix[:, j, j] = matrix[:, k, k] = np.cos(angle_rad)
    matrix[:, k, j] = np.sin(angle_rad)
    matrix[:, j, k] = -matrix[:, k, j]
    return matrix


def geodesic_deg(
    rotation_a: Float[np.ndarray, "n 3 3"], rotation_b: Float[np.ndarray, "n 3 3"]
) -> Float64[np.ndarray, " n"]:
    """Measures the angles between pairs of rotations.

    Args:
        rotation_a: rotation matrices.
        rotation_b: as many others.

    Returns:
        The angle of the rotation that takes a to b, 0 to 180 degrees, per pair.

    Example:
        >>> ahead, left = np.eye(3)[None], ypr_deg_to_matrix(np.array([[40.0, 0.0, 0.0]]))
        >>> geodesic_deg(ahead, left).round(6).tolist()
        [40.0]
    """
    between = matrix_to_rvec(np.swapaxes(rotation_a, 1, 2) @ rotation_b)
    angle_deg: NDArray[np.float64] = np.rad2deg(np.linalg.norm(between, axis=1))
    return angle_deg


def nearest_rotation(matrix: Float[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "n 3 3"]:
    """Finds the proper rotation nearest to each matrix in the Frobenius norm (Kabsch).

    Args:
        matrix: any 3 x 3 matrices, for example sums of rotations.

    Returns:
        Rotation matrices; NaN where the nearest one is not unique: for matrices with NaN or inf, and for
        degenerate ones such as 0.

    Example:
        >>> nearest_rotation(2 * np.eye(3)[None])[0].tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    m = matrix.astype(np.float64)
    finite = np.isfinite(m).all(axis=(1, 2), keepdims=True)
    u, s, vt = np.linalg.svd(np.where(finite, m, 0.0))
    # R = U diag(1, 1, det(U V^T)) V^T (Kabsch): the sign keeps reflections out.
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    # The maximum of trace(R^T M) is unique only where the two smaller singular values, the last with its
    # sign, do not cancel.
    unique = s[:, 1] + sign * s[:, 2] > 1e-6 * s[:, 0]
    return np.where(unique[:, None, None], u @ vt, np.nan)


def aflw_to_head_rotation(
    pitch_deg: Float[np.ndarray, " n"], yaw_deg: Float[np.ndarray, " n"], roll_deg: Float[np.ndarray, " n"]
) -> Float64[np.ndarray, "n 3 3"]:
    """Converts the angles that AFLW2000-3D and 300W-LP publish to rotations of this project.

    Those angles are minus the intrinsic XYZ Euler angles of F R F, F = diag(1, -1, -1) (their camera looks
    along -z with y up). So R = F Rx(-pitch) Ry(-yaw) Rz(-roll) F, and because F inverts turns about y and z,
    R = Rx(-pitch) Ry(yaw) Rz(roll). Tests check this against the landmarks of the dataset.

    Args:
        pitch_deg: pitch as published, in degrees.
        yaw_deg: yaw as published, in degrees.
        roll_deg: roll as published, in degrees.

    Returns:
        Rotation matrices, head to camera.

    Example:
        >>> pitch, yaw, roll = np.array([[-10.0], [25.0], [3.0]])
        >>> matrix_to_ypr_deg(aflw_to_head_rotation(pitch, yaw, roll)).round(1).tolist()
        [[24.0, 12.3, 7.9]]
    """
    pitch, yaw, roll = (np.deg2rad(angle.astype(np.float64)) for angle in (pitch_deg, yaw_deg, roll_deg))
    rotation: NDArray[np.float64] = (
        rotation_about_axis(0, -pitch) @ rotation_about_axis(1, yaw) @ rotation_about_axis(2, roll)
    )
    return rotation


def head_rotation_to_aflw(rotation: Float[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "n 3"]:
    """Converts rotations to angles as AFLW2000-3D counts them: the inverse of `aflw_to_head_rotation`.

    Args:
        rotation: rotation matrices, head to camera.

    Returns:
        Pitch, yaw and roll in degrees, in this order.

    Example:
        >>> head_rotation_to_aflw(ypr_deg_to_matrix(np.array([[20.0, 5.0, 10.0]]))).round(1).tolist()
        [[-1.6, 20.5, 8.8]]
    """
    r = rotation.astype(np.float64)
    # R = Rx(-pitch) Ry(yaw) Rz(roll): first row (cos yaw cos roll, -cos yaw sin roll, sin yaw),
    # last column (sin yaw, sin pitch cos yaw, cos pitch cos yaw).
    pitch = np.arctan2(r[:, 1, 2], r[:, 2, 2])
    yaw = np.arctan2(r[:, 0, 2], np.hypot(r[:, 0, 0], r[:, 0, 1]))
    roll = np.arctan2(-r[:, 0, 1], r[:, 0, 0])
    pyr_deg: NDArray[np.float64] = np.rad2deg(np.stack([pitch, yaw, roll], axis=1))
    return pyr_deg
