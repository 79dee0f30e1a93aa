import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from fpn_core import geodesic_deg, matrix_to_ypr_deg, points_to_pose
from render_core.heads import load_head
from tests.training.faces import made_up_faces
from training.config import DataConfig, SynthesisConfig
from training.crops import BOX_SIDE_PX, SIDE_PX, write_crops
from training.dataset import load_faces
from training.synthesis import RENDERED, render_faces

CONFIG = SynthesisConfig(
    data=[],
    faces=6,
    heads=["open-03"],
    views_per_head=3,
    least_yaw_deg=40,
    yaw_deg=80,
    pitch_deg=30,
    roll_deg=20,
)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    write_crops(folder, [face._replace(group=f"person {n // 4}") for n, face in enumerate(made_up_faces(8))])
    return load_faces([DataConfig(folder=folder, rotation="label")])


@pytest.fixture(scope="module")
def rendered(faces):
    return list(render_faces(faces, CONFIG))


def test_as_many_faces_as_asked_for(rendered):
    assert len(rendered) == 6
    assert len({face.face_id for face in rendered}) == 6
    assert {face.source for face in rendered} == {RENDERED}


def test_a_view_has_the_id_and_the_group_of_its_photo(rendered, faces):
    groups = dict(zip(faces.crops.ids, faces.crops.groups, strict=True))
    assert all(groups[face.face_id.rpartition("-")[2]] == face.group for face in rendered)


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


def test_views_are_turned_and_rolled_as_asked_for(rendered):
    yaw, pitch, roll = matrix_to_ypr_deg(np.stack([face.rotation for face in rendered])).T
    # Lines of sight turn a view by some degrees.
    assert (yaw > 35).all() and (yaw < 85).all()
    assert np.abs(pitch).max() < 36 and 2 < np.abs(roll).max() < 26


def test_no_photo_is_turned_further_than_allowed(faces):
    config = CONFIG.model_copy(update={"largest_turn_deg": 45, "faces": 4})
    photos = dict(zip(faces.crops.ids, matrix_to_ypr_deg(faces.rotation), strict=True))
    for face in render_faces(faces, config):
        yaw, pitch, _ = matrix_to_ypr_deg(face.rotation[None])[0]
        own_yaw, own_pitch, _ = photos[face.face_id.rpartition("-")[2]]
        assert max(abs(yaw - abs(own_yaw)), abs(pitch - own_pitch)) < 45 + 5  # of lines of sight


def test_the_photo_is_seen_with_the_rotation_of_its_label(faces):
    """A view to the side from which the photo was taken shows the photo."""
    row = int(np.argmax(matrix_to_ypr_deg(faces.rotation)[:, 0]))
    one = faces[np.array([row])]
    yaw, pitch, _ = matrix_to_ypr_deg(one.rotation)[0]
    still = CONFIG.model_copy(
        update={"faces": 1, "least_yaw_deg": yaw - 0.01, "yaw_deg": yaw + 0.01, "pitch_deg": 0.0,
                "roll_deg": 0.0, "views_per_head": 1, "backgrounds": 0.0}
    )  # fmt: skip
    (view,) = render_faces(one, still)
    middle = slice(55, 105)
    photo = one.crops.images[0].astype(float)
    aligned, _ = cv2.estimateAffinePartial2D(one.crops.landmarks_px[0], view.landmarks_px)
    moved = cv2.warpAffine(photo, aligned, (SIDE_PX, SIDE_PX))
    difference = np.abs(moved - view.image)[middle, middle]
    stranger = np.abs(faces.crops.images[row - 1].astype(float) - view.image)[middle, middle]
    assert abs(pitch) < 15 and difference.mean() < 0.75 * stranger.mean()


def test_the_same_seed_renders_the_same(faces, rendered):
    again = list(render_faces(faces, CONFIG))
    assert [face.face_id for face in again] == [face.face_id for face in rendered]
    np.testing.assert_array_equal(again[-1].image, rendered[-1].image)
