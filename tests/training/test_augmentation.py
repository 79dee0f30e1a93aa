import numpy as np
import pytest

from fpn_core import extract_crop
from tests.training.faces import TVEC_MM, made_up_faces, projected
from training.augmentation import Example, augment
from training.config import AugmentationConfig
from training.crops import SIDE_PX
from training.geometry import REFERENCE_PX, scaled_camera

OTHERS = np.zeros((1, SIDE_PX, SIDE_PX, 3), np.uint8)
EVERYTHING = AugmentationConfig(
    p_small=1, p_blur=1, p_jpeg=1, p_noise=1, p_light=1, p_grey=0.5, p_occlusion=1, whole_circle=0.5
)


def examples(count):
    for face in made_up_faces(count):
        yield Example(face.image, face.rotation, TVEC_MM, face.landmarks_px)


def test_pose_and_landmarks_move_together():
    """Whatever the crop becomes, the head projected with the new pose lies on the moved landmarks."""
    rng = np.random.default_rng(3)
    for example in examples(60):
        changed = augment(example, OTHERS, 112, EVERYTHING, rng)
        found = projected(changed.rotation, changed.tvec_mm, scaled_camera(REFERENCE_PX))
        distance = np.linalg.norm(found - changed.landmarks_px, axis=1)
        # Mirroring leaves the asymmetry of the mean head, another distance its perspective.
        assert distance.max() < 3.0
        assert changed.image.shape == (112, 112, 3)
        assert changed.image.dtype == np.uint8
        np.testing.assert_allclose(changed.rotation @ changed.rotation.T, np.eye(3), atol=1e-9)


def test_the_same_random_numbers_change_a_face_the_same_way():
    (example,) = examples(1)
    one, other = (augment(example, OTHERS, 112, EVERYTHING, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.rotation, other.rotation)


def test_an_unchanged_face_is_what_a_job_would_crop():
    (example,) = examples(1)
    plain = augment(example, OTHERS, 112, None, None)
    # The job's window has whole pixels: 114 of the 114.3.
    wanted = extract_crop(example.image, np.array([23, 23, 137, 137]), 112, "area")
    assert np.abs(plain.image.astype(float) - wanted).mean() < 12  # of noise with a mean difference of 85
    found = projected(plain.rotation, plain.tvec_mm, scaled_camera(REFERENCE_PX))
    np.testing.assert_allclose(found, plain.landmarks_px, atol=0.8)


@pytest.mark.parametrize(
    "name", ["p_small", "p_blur", "p_jpeg", "p_noise", "p_light", "p_grey", "p_occlusion", "p_filled"]
)
def test_every_change_changes_the_picture(name):
    still = dict.fromkeys(
        ["p_small", "p_blur", "p_jpeg", "p_noise", "p_light", "p_grey", "p_occlusion", "p_filled"], 0.0
    )
    (example,) = examples(1)
    plain = augment(example, OTHERS, 112, AugmentationConfig(**still, mirror=0), np.random.default_rng(1))
    config = AugmentationConfig(**(still | {name: 1.0}), mirror=0, scale=(1.4, 1.4))
    wide = AugmentationConfig(**still, mirror=0, scale=(1.4, 1.4))
    changed = augment(example, OTHERS, 112, config, np.random.default_rng(1))
    unchanged = augment(example, OTHERS, 112, wide, np.random.default_rng(1))
    assert (changed.image != unchanged.image).any()
    assert plain.image.shape == changed.image.shape


def test_some_faces_are_left_as_a_job_cuts_them():
    (example,) = examples(1)
    plain = augment(example, OTHERS, 112, None, None)
    left = augment(example, OTHERS, 112, AugmentationConfig(p_plain=1), np.random.default_rng(1))
    np.testing.assert_array_equal(left.image, plain.image)
