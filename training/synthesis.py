"""Wide poses that photos lack: faces of a training set rendered from other sides, with exact labels.

The paper did the same (Chang et al., ICCVW 2017, section 3.2). The renderer and the heads are this project's.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from fpn_core import matrix_to_ypr_deg
from fpn_core.camera import FPN_227, project, projection_to_image
from render_core import Renderer, is_mirrored
from render_core.errors import RenderReject
from render_core.heads import head_names, load_head
from render_core.view import ViewCamera, view_camera
from training.config import SynthesisConfig
from training.crops import BOX_SIDE_PX, SIDE_PX, Crops, Face
from training.dataset import Faces
from training.geometry import fit_translation, pose_under_similarity, scaled_camera
from training.points import whole_crops

# Where a detector's box lies about the 68 points: medians over the training photos, the same within 2 % for
# every yaw up to 74 degrees.
_BOX_TO_LANDMARKS = 1.295
_BOX_ABOVE_LANDMARKS = 0.172

_MOST_TRIES = 100
_BACKDROPS = 0.75
"""Share of views with a picture where the photo shows nothing; the others are black there, as in a job."""
RENDERED = "rendered"
"""The source of such faces in a training set."""


@dataclass(frozen=True, eq=False)
class _Studio:
    """A head, and a renderer that is ready to look at it from many sides."""

    name: str
    landmarks_mm: Float[np.ndarray, "68 3"]
    cameras: list[ViewCamera]
    renderer: Renderer


def render_faces(faces: Faces, config: SynthesisConfig) -> Iterator[Face]:
    """`config.faces` views, head after head; every one the same for the same seed.

    Photos are drawn by their weight, for each view from those that it does not turn further than
    `config.largest_turn_deg`.
    """
    rng = np.random.default_rng(config.seed)
    names = [name for name in head_names() if name in config.heads] if config.heads else list(head_names())
    share = math.ceil(config.faces / len(names))
    made = 0
    for name in names:
        studio = _open_studio(name, config, rng)
        wanted = min(share, config.faces - made)
        for face in _shoot(studio, faces, config, rng, wanted):
            yield face
            made += 1


def _open_studio(name: str, config: SynthesisConfig, rng: np.random.Generator) -> _Studio:
    head = load_head(name)
    landmarks_mm = np.asarray(head.landmarks_mm)
    cameras = [_random_camera(landmarks_mm, config, rng) for _ in range(config.views_per_head)]
    renderer = Renderer(head, cameras, size_px=SIDE_PX, background="transparent", interpolation="linear")
    return _Studio(name, landmarks_mm, cameras, renderer)


def _random_camera(landmarks_mm: np.ndarray, config: SynthesisConfig, rng: np.random.Generator) -> ViewCamera:
    """A view to a random side, framed as a detector's box would frame the face."""
    yaw = float(rng.uniform(config.least_yaw_deg, config.yaw_deg))
    pitch, roll = rng.uniform(-1, 1, 2) * [config.pitch_deg, config.roll_deg]
    camera = view_camera(yaw, pitch_deg=float(pitch), roll_deg=float(roll), size_px=SIDE_PX)
    points = project(landmarks_mm, camera.projection[None])[0]
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max())
    centre = (low + high) / 2 - [0, _BOX_ABOVE_LANDMARKS * side]
    scale = BOX_SIDE_PX / (_BOX_TO_LANDMARKS * side)
    # x' = s (x - centre) + middle of the crop
    x, y = scale * (np.array(camera.centre_px) - centre) + (SIDE_PX - 1) / 2
    return replace(camera, focal_px=scale * camera.focal_px, centre_px=(float(x), float(y)))


def _shoot(
    studio: _Studio, faces: Faces, config: SynthesisConfig, rng: np.random.Generator, wanted: int
) -> Iterator[Face]:
    crops = faces.crops
    tvec_mm = fit_translation(faces.rotation, crops.landmarks_px, studio.landmarks_mm, scaled_camera(SIDE_PX))
    projections = projection_to_image(faces.rotation, tvec_mm, whole_crops(len(crops)), FPN_227)
    yaw, pitch, _ = matrix_to_ypr_deg(faces.rotation).T
    made = 0
    for _ in range(_MOST_TRIES * wanted):
        if made == wanted:
            return
        camera = studio.cameras[rng.integers(len(studio.cameras))]
        # A view far from what the photo shows would be invention.
        turn = np.maximum(np.abs(camera.yaw_deg - np.abs(yaw)), np.abs(camera.pitch_deg - pitch))
        chances = np.cumsum(np.where(turn <= config.largest_turn_deg, faces.weight, 0))
        if chances[-1] == 0:
            continue
        row = int(np.searchsorted(chances, rng.random() * chances[-1], side="right"))
        other = crops.images[rng.integers(len(crops))]
        try:
            image = _photograph(
                studio, camera, crops[np.array([row])], projections[row], bool(is_mirrored(float(yaw[row])))
            )
        except RenderReject:
            continue
        made += 1
        yield Face(
            f"{studio.name}-{made:05d}-{crops.ids[row]}",
            RENDERED,
            _composed(image, studio.renderer.masks(camera)[1], other, config.backgrounds, rng),
            project(studio.landmarks_mm, camera.projection[None])[0],
            _rotation_in_crop(camera),
            crops.groups[row],
        )


def _photograph(
    studio: _Studio,
    camera: ViewCamera,
    crop: Crops,
    projection: Float[np.ndarray, "3 4"],
    mirrored: bool,
) -> UInt8[np.ndarray, "s s 4"]:
    """The view of the one face of `crop`, transparent where the photo shows nothing."""
    left, top, right, bottom = crop.photo_xyxy_px[0]
    to_photo = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    (view,) = studio.renderer.render(
        np.ascontiguousarray(crop.images[0, top:bottom, left:right]),
        to_photo @ projection,
        [camera],
        mirrored=mirrored,
    )
    return view.image


def _rotation_in_crop(camera: ViewCamera) -> Float[np.ndarray, "3 3"]:
    """The head's rotation in the camera that looks at the middle of the crop, as every label tells it; the
    view's own camera has its middle beside the crop."""
    x, y = camera.centre_px
    own = np.array([[camera.focal_px, 0, x], [0, camera.focal_px, y], [0, 0, 1]])
    unmoved = np.eye(2, 3)
    return pose_under_similarity(
        camera.rotation, np.asarray(camera.tvec_mm), own, unmoved, scaled_camera(SIDE_PX)
    )[0]


def _composed(
    view: UInt8[np.ndarray, "s s 4"],
    head: Bool[np.ndarray, "s s"],
    other: UInt8[np.ndarray, "s s 3"],
    backgrounds: float,
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "s s 3"]:
    """The view before black or another picture, which shows where the photo shows nothing or, in a share of
    `backgrounds`, everywhere but on the head and a margin for its hair."""
    shown = view[:, :, 3].astype(np.float32) / 255
    if rng.random() < backgrounds:
        reach = 2 * int(rng.integers(6, 18)) + 1
        margin = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        near = cv2.dilate(head.astype(np.uint8), margin).astype(np.float32)
        shown = shown * cv2.GaussianBlur(near, (0, 0), float(rng.uniform(1, 4)))
    backdrop = _backdrop(other, rng) if rng.random() < _BACKDROPS else np.zeros_like(other)
    shown = shown[:, :, None]
    return np.asarray(shown * view[:, :, :3] + (1 - shown) * backdrop + 0.5, np.float32).astype(np.uint8)


def _backdrop(other: UInt8[np.ndarray, "s s 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "s s 3"]:
    """A part of a picture, enlarged and blurred so that its face does not count."""
    x, y, side = rng.integers(0, 60), rng.integers(0, 60), rng.integers(50, 100)
    part = cv2.resize(other[y : y + side, x : x + side], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(part, (0, 0), float(rng.uniform(1, 8))))
