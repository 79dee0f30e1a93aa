"""Wide poses that photos lack: faces of a training set rendered from other sides, with exact labels.

The paper did the same (Chang et al., ICCVW 2017, section 3.2). The renderer and the heads are this project's.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from fpn_core import matrix_to_ypr_deg
from fpn_core.camera import FPN_227, project, projection_to_image
from render_core import Renderer, is_mirrored
from render_core.errors import RenderReject
from render_core.heads import head_names, load_head
from render_core.view import ViewCamera, view_camera
from training.config import SynthesisConfig
from training.crops import BOX_SIDE_PX, SIDE_PX, Crops, Face
from training.geometry import pose_under_similarity, scaled_camera
from training.points import fit_poses, whole_crops

# Where a detector's box lies about the 68 points: medians over the training photos, the same within 2 % for
# every yaw up to 74 degrees.
_BOX_TO_LANDMARKS = 1.295
_BOX_ABOVE_LANDMARKS = 0.172

_MOST_TRIES = 100
RENDERED = "rendered"
"""The source of such faces in a training set."""


@dataclass(frozen=True, eq=False)
class _Studio:
    """A head, and a renderer that is ready to look at it from many sides."""

    name: str
    landmarks_mm: Float[np.ndarray, "68 3"]
    cameras: list[ViewCamera]
    renderer: Renderer


def render_faces(crops: Crops, config: SynthesisConfig) -> Iterator[Face]:
    """`config.faces` views, head after head; every one the same for the same seed.

    Faces whose pose cannot be found, and views further than `config.largest_turn_deg` from what the photo
    shows, are passed over.
    """
    rng = np.random.default_rng(config.seed)
    names = [name for name in head_names() if name in config.heads] if config.heads else list(head_names())
    share = math.ceil(config.faces / len(names))
    made = 0
    for name in names:
        studio = _open_studio(name, config, rng)
        wanted = min(share, config.faces - made)
        for face in _shoot(studio, crops, config, rng, wanted):
            yield face
            made += 1


def _open_studio(name: str, config: SynthesisConfig, rng: np.random.Generator) -> _Studio:
    head = load_head(name)
    landmarks_mm = np.asarray(head.landmarks_mm)
    cameras = [_random_camera(landmarks_mm, config, rng) for _ in range(config.views_per_head)]
    renderer = Renderer(head, cameras, size_px=SIDE_PX, interpolation="linear")
    return _Studio(name, landmarks_mm, cameras, renderer)


def _random_camera(landmarks_mm: np.ndarray, config: SynthesisConfig, rng: np.random.Generator) -> ViewCamera:
    """A view to a random side, framed as a detector's box would frame the face."""
    yaw = float(rng.uniform(0, config.yaw_deg))
    pitch = float(rng.uniform(-config.pitch_deg, config.pitch_deg))
    camera = view_camera(yaw, pitch_deg=pitch, size_px=SIDE_PX)
    points = project(landmarks_mm, camera.projection[None])[0]
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max())
    centre = (low + high) / 2 - [0, _BOX_ABOVE_LANDMARKS * side]
    scale = BOX_SIDE_PX / (_BOX_TO_LANDMARKS * side)
    # x' = s (x - centre) + middle of the crop
    x, y = scale * (np.array(camera.centre_px) - centre) + (SIDE_PX - 1) / 2
    return replace(camera, focal_px=scale * camera.focal_px, centre_px=(float(x), float(y)))


def _shoot(
    studio: _Studio, crops: Crops, config: SynthesisConfig, rng: np.random.Generator, wanted: int
) -> Iterator[Face]:
    poses = fit_poses(crops.landmarks_px, studio.landmarks_mm)
    projections = projection_to_image(poses.rotation, poses.tvec_mm, whole_crops(len(crops)), FPN_227)
    yaw, pitch, _ = matrix_to_ypr_deg(poses.rotation).T
    made = 0
    for _ in range(_MOST_TRIES * wanted):
        if made == wanted:
            return
        row = int(rng.integers(len(crops)))
        camera = studio.cameras[rng.integers(len(studio.cameras))]
        # A view far from what the photo shows would be invention.
        turn = max(camera.yaw_deg - abs(yaw[row]), abs(camera.pitch_deg - pitch[row]))
        if not poses.finite[row] or turn > config.largest_turn_deg:
            continue
        try:
            (view,) = studio.renderer.render(
                crops.images[row], projections[row], [camera], mirrored=is_mirrored(float(yaw[row]))
            )
        except RenderReject:
            continue
        image = view.image
        if rng.random() < config.backgrounds:
            other = crops.images[rng.integers(len(crops))]
            image = _composed(image, studio.renderer.masks(camera)[1], other, rng)
        made += 1
        name = f"{studio.name}-{made:05d}-{crops.ids[row]}"
        yield Face(
            name,
            RENDERED,
            image,
            project(studio.landmarks_mm, camera.projection[None])[0],
            _rotation_in_crop(camera),
        )


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
    image: np.ndarray, head: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> UInt8[np.ndarray, "s s 3"]:
    """The head before another picture, which is enlarged and blurred so that its face does not count."""
    x, y, side = rng.integers(0, 60), rng.integers(0, 60), rng.integers(50, 100)
    backdrop = cv2.resize(
        other[y : y + side, x : x + side], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR
    )
    backdrop = cv2.GaussianBlur(backdrop, (0, 0), float(rng.uniform(1, 8)))
    soft = cv2.GaussianBlur(head.astype(np.float32), (0, 0), 1.0)[:, :, None]
    return np.asarray(soft * image + (1 - soft) * backdrop + 0.5, np.float32).astype(np.uint8)
