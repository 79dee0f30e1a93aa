"""Where recognition networks expect the eyes, nose and mouth of a face in their input: the templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

from render_core.view import ViewCamera

TemplateName = Literal["arcface", "arcface-96x112", "ffhq"]
TEMPLATE_NAMES: tuple[TemplateName, ...] = get_args(TemplateName)

# Fitted by benchmarks/five_points.py: the five points of YuNet in 9,007 training crops, back-projected with
# the poses of the package's network, robust least squares over faces and their mirror images. They differ
# from the head's own landmarks (the nose lies 5 mm and the eyes 4 mm behind, the mouth 4 mm above), because
# this is where detectors put them, and recognition networks were trained on crops that detectors aligned.
FIVE_POINTS_MM = np.array(
    [
        [-28.7, -30.5, -24.6],
        [28.7, -30.5, -24.6],
        [0.0, 0.3, -48.0],
        [-24.5, 28.3, -26.8],
        [24.5, 28.3, -26.8],
    ]
)


@dataclass(frozen=True)
class Template:
    """A crop of a fixed size with five points in it.

    Attributes:
        size_wh_px: width and height of the crop.
        points_px: x and y of the eye on the left of the image, the other eye, the tip of the nose, the corner
            of the mouth on the left of the image, the other corner. Pixel centres are integers.

    Raises:
        ValueError: another number of points, numbers that are not finite, or points that all coincide.

    Example:
        >>> named_template("arcface").scaled(224).size_wh_px
        (224, 224)
    """

    size_wh_px: tuple[int, int]
    points_px: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        points = np.array(self.points_px, dtype=np.float64)
        if points.shape != (5, 2) or not np.isfinite(points).all() or np.ptp(points, axis=0).min() <= 0:
            raise ValueError(
                f"template points {self.points_px}: expected five different points [x, y] in pixels: eye on "
                "the left, eye on the right, tip of the nose, left and right corner of the mouth"
            )
        if min(self.size_wh_px) < 1:
            raise ValueError(f"template of {self.size_wh_px} px: expected a width and height of 1 or more")

    @property
    def points(self) -> Float64[np.ndarray, "5 2"]:
        """The points as an array."""
        return np.array(self.points_px, dtype=np.float64)

    @property
    def columns(self) -> slice:
        """The columns of the square of the template's height about it that are the template."""
        width, height = self.size_wh_px
        first = (height - width) // 2
        return slice(first, first + width)

    def scaled(self, height_px: int) -> "Template":
        """Returns the same template at another height; the width follows, rounded."""
        scale = height_px / self.size_wh_px[1]
        width_px = max(1, round(self.size_wh_px[0] * scale))
        # Areas map onto each other: x' + 1/2 = s (x + 1/2).
        return Template((width_px, height_px), _pairs((self.points + 0.5) * scale - 0.5))

    def with_margin(self, margin: float) -> "Template":
        """Returns a crop of the same size that shows more around the face.

        Args:
            margin: what is added on each side, as a share of the side; negative values cut closer.

        Raises:
            ValueError: a margin of -0.5 or less, which leaves nothing.
        """
        if not margin > -0.5:
            raise ValueError(f"template margin is {margin}: expected more than -0.5")
        middle = (np.array(self.size_wh_px) - 1) / 2
        return Template(self.size_wh_px, _pairs((self.points - middle) / (1 + 2 * margin) + middle))


def _pairs(points: Float64[np.ndarray, "5 2"]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in points)


# ArcFace (Deng et al., CVPR 2019), the template of InsightFace's networks and of most since.
_ARCFACE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
_TEMPLATES: dict[TemplateName, Template] = {
    "arcface": Template((112, 112), _ARCFACE),
    # SphereFace and CosFace (Liu et al., CVPR 2017; Wang et al., CVPR 2018): eight columns less on each side.
    "arcface-96x112": Template((96, 112), tuple((x - 8.0, y) for x, y in _ARCFACE)),
    # The mean points of FFHQ (Karras et al., CVPR 2019) as published with facexlib.
    "ffhq": Template(
        (512, 512),
        (
            (192.98138, 239.94708),
            (318.90277, 240.1936),
            (256.63416, 314.01935),
            (201.26117, 371.41043),
            (313.08905, 371.15118),
        ),
    ),
}


def named_template(name: str) -> Template:
    """Returns a template by its name.

    Args:
        name: `arcface` (112 x 112), `arcface-96x112`, or `ffhq` (512 x 512).

    Raises:
        ValueError: there is no such template.

    Example:
        >>> named_template("arcface-96x112").size_wh_px
        (96, 112)
    """
    for known, template in _TEMPLATES.items():
        if known == name:
            return template
    raise ValueError(f"there is no template {name!r}: expected one of {', '.join(TEMPLATE_NAMES)}")


def similarity(
    source: Float64[np.ndarray, "n 2"], target: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, "2 3"]:
    """Rotation, scale and shift with the least squared distances from source to target points."""
    # As complex numbers: target = a source + b, a = sum conj(s) t / sum |s|^2 about the means.
    s = source @ [1, 1j]
    t = target @ [1, 1j]
    a = (np.conj(s - s.mean()) * (t - t.mean())).sum() / (abs(s - s.mean()) ** 2).sum()
    b = t.mean() - a * s.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def template_camera(
    camera: ViewCamera, template: Template, points_mm: Sequence[Sequence[float]] | np.ndarray = FIVE_POINTS_MM
) -> ViewCamera:
    """Moves the camera of a view so that the head's five points come to lie on a template.

    The view is rendered from the photo straight into the template, at full sharpness, and not cut from a
    larger view. The camera's picture is the square of the template's height about the template; a narrower
    template is its middle columns.

    Args:
        camera: the view; its size and centre do not matter.
        template: the crop.
        points_mm: the five points in the head frame.

    Example:
        >>> from render_core.view import view_camera
        >>> template_camera(view_camera(40), named_template("arcface")).size_px
        112
    """
    points = np.asarray(points_mm, dtype=np.float64)
    homogeneous = points @ camera.projection[:, :3].T + camera.projection[:, 3]
    placed = homogeneous[:, :2] / homogeneous[:, 2:]
    height = template.size_wh_px[1]
    target = template.points + np.array([template.columns.start, 0.0])
    # Scale and shift alone: a camera does not roll to fit a template. Least squares about the means.
    source = placed - placed.mean(axis=0)
    scale = float((source * (target - target.mean(axis=0))).sum() / (source**2).sum())
    shift = target.mean(axis=0) - scale * placed.mean(axis=0)
    x, y = (scale * centre + float(by) for centre, by in zip(camera.centre_px, shift, strict=True))
    return ViewCamera(
        camera.yaw_deg,
        camera.pitch_deg,
        camera.roll_deg,
        size_px=height,
        focal_px=scale * camera.focal_px,
        centre_px=(x, y),
        tvec_mm=camera.tvec_mm,
    )
