import numpy as np
import pytest

from fpn_core import geodesic_deg, matrix_to_ypr_deg, points_to_pose
from render_core.heads import load_head
from tests.training.faces import made_up_faces
from training.config import SynthesisConfig
from training.crops import BOX_SIDE_PX, SIDE_PX, read_crops, write_crops
from training.synthesis import RENDERED, render_faces

CONFIG = SynthesisConfig(faces=6, heads=["open-03"], views_per_head=3, yaw_deg=80, pitch_deg=30)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    write_crops(folder, made_up_faces(8))
    return read_crops(folder)


@pytest.fixture(scope="module")
def rendered(crops):
    return list(render_faces(crops, CONFIG))


def test_as_many_faces_as_asked_for(rendered):
    assert len(rendered) == 6
    assert len({face.face_id for face in rendered}) == 6
    assert {face.source for face in rendered} == {RENDERED}


def test_an_id_ends_in_that_of_its_photo(rendered, crops):
    assert all(face.face_id.rpartition("-")[2] in crops.ids for face in rendered)


def test_rotation_and_landmarks_are_those_of_the_head_that_was_rendered(rendered):
    head_mm = np.asarray(load_head("open-03").landmarks_mm)
    points = np.stack([face.landmarks_px for face in rendered])
    window = np.tile([[0, 0, SIDE_PX, SIDE_PX]], (len(points), 1))
    fitted = points_to_pose(points, head_mm, window).rotation
    # The view's camera stands nearer than that of the crop, which bends a head by this much.
    assert geodesic_deg(fitted, np.stack([face.rotation for face in rendered])).max() < 1.0


def test_faces_are_framed_as_a_detector_frames_them(rendered):
    for face in rendered:
        low, high = face.landmarks_px.min(axis=0), face.landmarks_px.max(axis=0)
        assert BOX_SIDE_PX / (high - low).max() == pytest.approx(1.295, abs=0.02)
        assert 0 < low.min() < high.max() < SIDE_PX


def test_yaws_are_to_the_side_that_views_are_named_for(rendered):
    yaw = matrix_to_ypr_deg(np.stack([face.rotation for face in rendered]))[:, 0]
    assert (yaw > -5).all()  # lines of sight turn a frontal view by some degrees


def test_the_same_seed_renders_the_same(crops, rendered):
    again = list(render_faces(crops, CONFIG))
    assert [face.face_id for face in again] == [face.face_id for face in rendered]
    np.testing.assert_array_equal(again[-1].image, rendered[-1].image)
