"""Labels that are a network's answers: brought back to where they belong, and mixed with the others."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from fpn_core import PoseNetwork, geodesic_deg, nearest_rotation, points_to_pose
from fpn_core.errors import ModelFileError
from fpn_core.models import packaged_models
from tests.training.faces import HEAD_MM
from training.config import ConfigError, DataConfig, TeacherConfig
from training.dataset import load_faces
from training.geometry import REFERENCE_PX, Window
from training.synthesis import RENDERED
from training.teacher import mean_rotations, predictor, teach, window_of

WINDOW = Window(32, 1.5)
MODEL = next(iter(packaged_models().values()))


@pytest.fixture(scope="module")
def faces(crops_folder):
    return load_faces([DataConfig(folder=crops_folder, rotation="label")])


def pose_in_cut(cuts):
    """Knows the pose in every cut by its landmarks alone."""
    windows = np.tile([[0, 0, REFERENCE_PX, REFERENCE_PX]], (len(cuts), 1))
    return points_to_pose(np.stack([cut.landmarks_px for cut in cuts]), HEAD_MM, windows).rotation


def test_answers_for_cuts_are_brought_back_to_the_crop(faces):
    said = mean_rotations(faces, pose_in_cut, WINDOW, 4)
    # A moved cut is the view from elsewhere but for perspective: 0.16 degrees at most here, where a cut turns
    # rotations by up to 30.
    assert geodesic_deg(said, faces.rotation).max() < 0.3


def test_half_of_the_cuts_are_mirrored_and_all_differ(faces):
    seen = []

    def watched(cuts):
        seen.extend(cuts)
        return pose_in_cut(cuts)

    mean_rotations(faces, watched, WINDOW, 4)
    assert [cut.mirrored for cut in seen] == [False, True] * (2 * len(faces))
    assert len({cut.landmarks_px.tobytes() for cut in seen}) == len(seen) == 4 * len(faces)


def test_a_face_of_which_nothing_is_said_is_told_apart(faces):
    def silent(cuts):
        answers = pose_in_cut(cuts)
        answers[0] = np.nan
        return answers

    known = np.isfinite(mean_rotations(faces, silent, WINDOW, 2)).all(axis=(1, 2))
    assert not known[0] and known[1:].all()


def test_photos_are_taught_by_their_share_and_rendered_views_are_not(faces):
    sources = np.array([RENDERED if row % 2 else "photo" for row in range(len(faces))], object)
    mixed = replace(faces, crops=replace(faces.crops, sources=sources))
    network = PoseNetwork(MODEL, device="cpu")
    said = mean_rotations(faces[np.arange(0, len(faces), 2)], predictor(network), window_of(network.spec), 2)
    for share in (0.25, 1.0):
        taught = teach(mixed, TeacherConfig(network=MODEL, share=share, cuts=2))
        np.testing.assert_array_equal(taught.rotation[1::2], faces.rotation[1::2])
        np.testing.assert_array_equal(taught.tvec_mm[1::2], faces.tvec_mm[1::2])
        wanted = nearest_rotation((1 - share) * faces.rotation[::2] + share * said)
        np.testing.assert_allclose(taught.rotation[::2], wanted, atol=1e-12)
        # Heads that are turned otherwise have to lie elsewhere to meet their landmarks.
        assert np.linalg.norm(taught.tvec_mm[::2] - faces.tvec_mm[::2], axis=1).min() > 0


def test_a_network_that_is_not_there_is_an_error(faces, tmp_path):
    with pytest.raises(ModelFileError, match=r"none\.onnx"):
        teach(faces, TeacherConfig(network=tmp_path / "none.onnx"))


def test_a_network_teaches_about_its_own_window():
    spec = PoseNetwork(MODEL, device="cpu").spec
    assert window_of(replace(spec, crop_expand=0.1)) == (spec.size_px, pytest.approx(1.2))
    with pytest.raises(ConfigError, match="the same on each"):
        window_of(replace(spec, crop_expand=(0.1, 0.1, 0.1, 0.3)))
