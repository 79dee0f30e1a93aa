"""What a trained network says of a face when it is asked more than once, as a label for the next network.

A job asks once, about one box. The mean over several boxes and both sides of the mirror is closer to the
truth than one answer; a network that learns it gives it at the price of one. (Knowledge distillation: Hinton,
Vinyals and Dean, 2015; of answers to changed inputs: Radosavovic et al., "Data Distillation", CVPR 2018.)
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from fpn_core import NetworkSpec, PoseNetwork
from render_core.heads import load_head
from training.augmentation import Example, augment
from training.config import AugmentationConfig, ConfigError, TeacherConfig
from training.crops import SIDE_PX
from training.dataset import Faces, example
from training.geometry import MIRROR, Window, fit_translation, nearest_where_known, scaled_camera
from training.synthesis import RENDERED

# Boxes as detectors give them, and nothing that hides or spoils a face.
_BOXES = AugmentationConfig(
    whole_circle=0, roll_deg=10, scale=(0.8, 1.25), scale_sigma=0.1, shift=0.1,
    p_small=0, p_blur=0, p_jpeg=0, p_noise=0, p_light=0, p_grey=0, p_occlusion=0, p_filled=0,
)  # fmt: skip
_SEED = 11
_FACES_AT_ONCE = 64

Predict = Callable[[list[Example]], Float[np.ndarray, "n 3 3"]]
"""Rotations of faces in the cuts that a network sees."""


def teach(faces: Faces, config: TeacherConfig) -> Faces:
    """`faces` with the rotations of photos moved towards what the network of `config` says of them, by
    `config.share`; those of rendered views are exact and stay.

    Raises ModelFileError for a network that cannot be used.
    """
    network = PoseNetwork(config.network, device="cpu")
    photos = np.flatnonzero([source != RENDERED for source in faces.crops.sources])
    said = mean_rotations(faces[photos], predictor(network), window_of(network.spec), config.cuts)
    moved = nearest_where_known((1 - config.share) * faces.rotation[photos] + config.share * said)
    known = np.isfinite(moved).all(axis=(1, 2))
    photos = photos[known]
    rotation = faces.rotation.copy()
    rotation[photos] = moved[known]
    tvec_mm = faces.tvec_mm.copy()
    tvec_mm[photos] = fit_translation(
        rotation[photos],
        faces.crops.landmarks_px[photos],
        np.asarray(load_head().landmarks_mm),
        scaled_camera(SIDE_PX),
    )
    return replace(faces, rotation=rotation, tvec_mm=tvec_mm)


def window_of(spec: NetworkSpec) -> Window:
    """What a network sees of a photo.

    Raises ConfigError for one whose window does not lie evenly about the face's box.
    """
    if not isinstance(spec.crop_expand, float):
        raise ConfigError(
            f"{spec.name} adds {spec.crop_expand} of the box on its four sides; a network that teaches"
            " has to add the same on each"
        )
    return Window(spec.size_px, 1 + 2 * spec.crop_expand)


def predictor(network: PoseNetwork) -> Predict:
    """The answers of a network."""
    return lambda cuts: network(np.stack([cut.image for cut in cuts])).rotation


def mean_rotations(faces: Faces, predict: Predict, window: Window, count: int) -> Float[np.ndarray, "n 3 3"]:
    """What `predict` says of `count` cuts of every face, every other one mirrored, brought back to the face's
    own crop and averaged; NaN where it says nothing of one."""
    rng = np.random.default_rng(_SEED)
    sides = [_BOXES.model_copy(update={"mirror": float(mirror)}) for mirror in (False, True)]
    means = np.empty((len(faces), 3, 3))
    for first in range(0, len(faces), _FACES_AT_ONCE):
        rows = range(first, min(first + _FACES_AT_ONCE, len(faces)))
        # The label of a head that is not turned at all is what the cut does to any rotation.
        bare = [replace(example(faces, row), rotation=np.eye(3)) for row in rows]
        cuts = [
            augment(one, faces.crops.images, window, sides[k % 2], rng) for one in bare for k in range(count)
        ]
        turns = np.stack([cut.rotation for cut in cuts])
        back = np.swapaxes(turns, 1, 2) @ predict(cuts)
        mirrored = np.array([cut.mirrored for cut in cuts])
        back[mirrored] = MIRROR @ back[mirrored] @ MIRROR
        means[rows.start : rows.stop] = nearest_where_known(back.reshape(-1, count, 3, 3).mean(axis=1))
    return means
