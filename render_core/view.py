"""The virtual cameras that look at a head: the five presets of the original and any other angle.

Head frame: millimetres, x to the image right, y down, z away from the camera. Pixels are 0-based, the centre
of the first is (0, 0).
"""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from jaxtyping import Float

# Angles may be whole numbers: `22` and `22.0` are the same view.
Degrees = int | float

PRESET_VIEWS_DEG = (0, 22, 40, 55, 75)

# The cameras that the original renderer's files were made with (fitted to them with a residual of 1e-5 px):
# one translation, one focal length, and a principal point that follows the head to the side.
_TVEC_MM = (172.26, -259.69, 3315.23)
_NATIVE_SIZE_PX = 224
_FOCAL_PX = 2880.0
_CENTRE_Y_PX = 348.0
_CENTRE_X_PX = (-36.0, -26.0, -24.0, -35.0, -35.0)
# Half way from the head's origin to its nose tip: what stays in its row when the head nods.
_NOD_POINT_MM = (0.0, 0.0, -28.0)


@dataclass(frozen=True)
class ViewCamera:
    """A square pinhole camera that sees the head turned by yaw, pitch and roll.

    Positive yaw turns the nose to the image left, positive pitch down, positive roll is clockwise.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    size_px: int
    focal_px: float
    centre_px: tuple[float, float]
    tvec_mm: tuple[float, float, float]

    def __post_init__(self) -> None:
        numbers = (self.yaw_deg, self.pitch_deg, self.roll_deg, self.focal_px, *self.centre_px, *self.tvec_mm)
        if not np.isfinite(numbers).all():
            raise ValueError(f"camera {self} holds NaN or infinity: expected finite numbers only")
        if self.size_px < 1 or self.focal_px <= 0 or self.tvec_mm[2] <= 0:
            raise ValueError(
                f"size {self.size_px} px, focal length {self.focal_px} px, distance {self.tvec_mm[2]} mm: "
                "expected all of them to be positive"
            )

    @property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Head to camera: the head nods first, is turned then, and rolls last."""
        return angles_to_rotation(self.yaw_deg, self.pitch_deg, self.roll_deg)

    @property
    def projection(self) -> Float[np.ndarray, "3 4"]:
        """K [R|t]: millimetres of the head frame to pixels of the view."""
        x, y = self.centre_px
        K = np.array([[self.focal_px, 0.0, x], [0.0, self.focal_px, y], [0.0, 0.0, 1.0]])
        return np.asarray(K @ np.column_stack([self.rotation, self.tvec_mm]))


def crop_camera(
    size_px: int | float = _NATIVE_SIZE_PX, focal_px: int | float = _FOCAL_PX
) -> Float[np.ndarray, "3 3"]:
    """K of a photo cropped to a square around the face: the original's focal length, c in the middle."""
    return np.array([[focal_px, 0.0, size_px / 2], [0.0, focal_px, size_px / 2], [0.0, 0.0, 1.0]])


def angles_to_rotation(yaw_deg: Degrees, pitch_deg: Degrees, roll_deg: Degrees) -> Float[np.ndarray, "3 3"]:
    """R = Rz(roll) Ry(yaw) Rx(pitch), so that yaw = -asin(R[2, 0])."""
    x, y, z = np.radians([pitch_deg, yaw_deg, roll_deg])
    Rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    Ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    Rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(Rz @ Ry @ Rx)


def view_camera(
    yaw_deg: Degrees, *, pitch_deg: Degrees = 0.0, roll_deg: Degrees = 0.0, size_px: int = _NATIVE_SIZE_PX
) -> ViewCamera:
    """The camera of a view: exactly the original's at 0, 22, 40, 55 and 75 degrees, continuous in between.

    A view to the other side (negative yaw) is the mirror image of the view to this side. Nodding moves the
    principal point so that the middle of the head keeps its row. Other sizes see the same picture, scaled.
    """
    # A mirrored camera shows the mirrored head: x changes its sign in space and runs backwards in the image.
    side = -1.0 if yaw_deg < 0 else 1.0
    centre_x = float(np.interp(abs(yaw_deg), PRESET_VIEWS_DEG, _CENTRE_X_PX))
    if side < 0:
        centre_x = (_NATIVE_SIZE_PX - 1) - centre_x
    tvec = np.array([side * _TVEC_MM[0], _TVEC_MM[1], _TVEC_MM[2]])

    level, nodding = (
        angles_to_rotation(yaw_deg, pitch, 0.0) @ _NOD_POINT_MM + tvec for pitch in (0.0, pitch_deg)
    )
    centre_y = _CENTRE_Y_PX + _FOCAL_PX * float(level[1] / level[2] - nodding[1] / nodding[2])

    # Pixel centres are integers: x' + 1/2 = s (x + 1/2).
    scale = size_px / _NATIVE_SIZE_PX
    return ViewCamera(
        yaw_deg=float(yaw_deg),
        pitch_deg=float(pitch_deg),
        roll_deg=float(roll_deg),
        size_px=size_px,
        focal_px=scale * _FOCAL_PX,
        centre_px=(scale * (centre_x + 0.5) - 0.5, scale * (centre_y + 0.5) - 0.5),
        tvec_mm=(float(tvec[0]), float(tvec[1]), float(tvec[2])),
    )


def pixels_per_mm(projection: Float[np.ndarray, "3 4"]) -> float:
    """Pixels that a millimetre across the line of sight spans at the head's origin."""
    # f/z times two unit vectors, for square pixels; in general the mean of the singular values s and t of J:
    # (s + t)^2 = s^2 + t^2 + 2 s t = trace J J' + 2 sqrt(det J J')
    (a, b, c), (d, e, f) = pixels_by_mm(projection).tolist()
    across, mixed, down = a * a + b * b + c * c, a * d + b * e + c * f, d * d + e * e + f * f
    return sqrt(across + down + 2 * sqrt(max(across * down - mixed * mixed, 0.0))) / 2


def pixels_by_mm(projection: Float[np.ndarray, "3 4"]) -> Float[np.ndarray, "2 3"]:
    """How a point near the head's origin moves in the picture: pixels (u, v) for millimetres (x, y, z)."""
    # d(u, v)/dX = (P[:2, :3] - (u, v) P[2, :3]) / z
    depth = projection[2, 3]
    position = projection[:2, 3] / depth
    return np.asarray((projection[:2, :3] - np.outer(position, projection[2, :3])) / depth)


def closeup_camera(
    camera: ViewCamera, landmarks_mm: Float[np.ndarray, "68 3"], *, margin: float = 0.25
) -> ViewCamera:
    """The same view, cropped to the face: the square about the head's landmarks in it fills the picture.

    `margin` is the share of the landmarks' longer side that is added on every side. The camera itself is
    moved in, so that a closeup is rendered from the photo at full sharpness and not cut from a view.
    """
    homogeneous = landmarks_mm @ camera.projection[:, :3].T + camera.projection[:, 3]
    points = homogeneous[:, :2] / homogeneous[:, 2:]
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max()) * (1 + 2 * margin)
    corner = (low + high) / 2 - side / 2
    # Pixel areas map onto each other: x' + 1/2 = s (x + 1/2 - x0), with x0 the edge of the square.
    scale = camera.size_px / side
    x, y = (scale * (centre - edge) - 0.5 for centre, edge in zip(camera.centre_px, corner, strict=True))
    return replace(camera, focal_px=scale * camera.focal_px, centre_px=(float(x), float(y)))
