import numpy as np
import pytest

from fpn_core import extract_crop
from tests.training.faces import TVEC_MM, made_up_faces, projected
from training.augmentation import Example, augment
from training.config import AugmentationConfig
from training.crops import SIDE_PX
from training.geometry import REFERENCE_PX, Window, scaled_camera

WINDOW = Window(112, 1.5)
WHOLE = np.array([0, 0, SIDE_PX, SIDE_PX])

OTHERS = np.zeros((1, SIDE_PX, SIDE_PX, 3), np.uint8)
EVERYTHING = AugmentationConfig(
    p_small=1,
    p_blur=1,
    p_jpeg=1,
    p_noise=1,
    p_light=1,
    p_grey=0.5,
    p_occlusion=1,
    whole_circle=0.5,
    p_hard_light=1,
    p_close=0.5,
)


def examples(count):
    for face in made_up_faces(count):
        yield Example(face.image, face.rotation, TVEC_MM, face.landmarks_px, WHOLE)


def test_pose_and_landmarks_move_together():
    """Whatever the crop becomes, the head projected with the new pose lies on the moved landmarks."""
    rng = np.random.default_rng(3)
    for example in examples(60):
        changed = augment(example, OTHERS, WINDOW, EVERYTHING, rng)
        found = projected(changed.rotation, changed.tvec_mm, scaled_camera(REFERENCE_PX))
        distance = np.linalg.norm(found - changed.landmarks_px, axis=1)
        # Mirroring leaves the asymmetry of the mean head, another distance its perspective.
        assert distance.max() < 3.0
        assert changed.image.shape == (112, 112, 3)
        assert changed.image.dtype == np.uint8
        np.testing.assert_allclose(changed.rotation @ changed.rotation.T, np.eye(3), atol=1e-9)


def test_the_same_random_numbers_change_a_face_the_same_way():
    (example,) = examples(1)
    one, other = (augment(example, OTHERS, WINDOW, EVERYTHING, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.rotation, other.rotation)


def test_an_unchanged_face_is_what_a_job_would_crop():
    (example,) = examples(1)
    plain = augment(example, OTHERS, WINDOW, None, None)
    # The job's window has whole pixels: 114 of the 114.3.
    wanted = extract_crop(example.image, np.array([23, 23, 137, 137]), 112, "area")
    assert np.abs(plain.image.astype(float) - wanted).mean() < 12  # of noise with a mean difference of 85
    found = projected(plain.rotation, plain.tvec_mm, scaled_camera(REFERENCE_PX))
    np.testing.assert_allclose(found, plain.landmarks_px, atol=0.8)


@pytest.mark.parametrize(
    "name",
    [
        "p_small",
        "p_blur",
        "p_jpeg",
        "p_noise",
        "p_light",
        "p_grey",
        "p_occlusion",
        "p_filled",
        "p_hard_light",
        "p_close",
    ],
)
def test_every_change_changes_the_picture(name):
    still = dict.fromkeys(
        ["p_small", "p_blur", "p_jpeg", "p_noise", "p_light", "p_grey", "p_occlusion", "p_filled"], 0.0
    )
    (example,) = examples(1)
    plain = augment(example, OTHERS, WINDOW, AugmentationConfig(**still, mirror=0), np.random.default_rng(1))
    config = AugmentationConfig(**(still | {name: 1.0}), mirror=0, scale=(1.4, 1.4))
    wide = AugmentationConfig(**still, mirror=0, scale=(1.4, 1.4))
    changed = augment(example, OTHERS, WINDOW, config, np.random.default_rng(1))
    unchanged = augment(example, OTHERS, WINDOW, wide, np.random.default_rng(1))
    assert (changed.image != unchanged.image).any()
    assert plain.image.shape == changed.image.shape


def test_some_faces_are_left_as_a_job_cuts_them():
    (example,) = examples(1)
    plain = augment(example, OTHERS, WINDOW, None, None)
    left = augment(example, OTHERS, WINDOW, AugmentationConfig(p_plain=1), np.random.default_rng(1))
    np.testing.assert_array_equal(left.image, plain.image)


def test_a_window_is_as_wide_as_the_network_says():
    (example,) = examples(1)
    narrow = augment(example, OTHERS, Window(112, 1.35), None, None)
    # The job's window has whole pixels: 103 of the 102.9.
    wanted = extract_crop(example.image, np.array([28, 28, 131, 131]), 112, "area")
    assert np.abs(narrow.image.astype(float) - wanted).mean() < 16  # of noise with a mean difference of 85
    wide = augment(example, OTHERS, WINDOW, None, None)
    sizes = [np.ptp(one.landmarks_px, axis=0) for one in (narrow, wide)]
    np.testing.assert_allclose(sizes[0] / sizes[1], 1.5 / 1.35)


BORDERED = np.array([40, 30, 130, 160])


def bordered(mirror):
    """A photo of one colour that ends within the window, without any other change."""
    (example,) = examples(1)
    image = np.zeros_like(example.image)
    image[30:160, 40:130] = (200, 120, 60)
    example = Example(image, example.rotation, TVEC_MM, example.landmarks_px, BORDERED)
    still = dict.fromkeys(
        ["p_small", "p_blur", "p_jpeg", "p_noise", "p_light", "p_grey", "p_occlusion", "whole_circle",
         "roll_deg", "scale_sigma", "shift"], 0.0,
    )  # fmt: skip
    return example, AugmentationConfig(**still, mirror=mirror, p_filled=1)


@pytest.mark.parametrize("mirror", [0, 1])
def test_what_fills_a_border_is_made_of_the_photo_or_is_one_colour(mirror):
    example, config = bordered(mirror)
    black = augment(
        example, OTHERS, WINDOW, config.model_copy(update={"p_filled": 0}), np.random.default_rng(0)
    )
    assert (black.image.max(axis=2) == 0).mean() > 0.2
    fills = set()
    for seed in range(30):
        image = augment(example, OTHERS, WINDOW, config, np.random.default_rng(seed)).image
        photo = (black.image.max(axis=2) > 0) & (image == [200, 120, 60]).all(axis=2)
        assert photo.mean() > 0.5
        beyond = image[black.image.max(axis=2) == 0]
        assert (beyond == beyond[0]).all()
        fills.add(tuple(beyond[0].tolist()))
    assert (200, 120, 60) in fills and 1 < len(fills) < 15


def test_a_photo_that_is_cut_close_still_shows_the_face_and_has_more_border():
    example, config = bordered(0)
    whole = Example(np.full_like(example.image, 90), example.rotation, TVEC_MM, example.landmarks_px, WHOLE)
    config = config.model_copy(update={"p_filled": 0, "p_close": 1})
    shares = []
    for seed in range(20):
        image = augment(whole, OTHERS, WINDOW, config, np.random.default_rng(seed)).image
        # The box is 75 px of 112; at most a twentieth of it is lost on a side.
        assert (image[23:89, 23:89] == 90).all()
        shares.append((image == 0).mean())
    assert max(shares) > 0.2


def test_points_that_are_not_known_stay_unknown():
    (example,) = examples(1)
    points = example.landmarks_px.copy()
    points[:17] = np.nan
    example = Example(example.image, example.rotation, TVEC_MM, points, WHOLE)
    rng = np.random.default_rng(1)
    for _ in range(8):
        changed = augment(example, OTHERS, WINDOW, EVERYTHING, rng)
        # The jaw is the jaw, mirrored or not.
        assert np.isnan(changed.landmarks_px[:, 0]).tolist() == [True] * 17 + [False] * 51
