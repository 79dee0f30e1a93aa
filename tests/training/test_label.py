import json

import cv2
import numpy as np

from fpn_core import geodesic_deg, matrix_to_ypr_deg, ypr_deg_to_matrix
from pipeline.evaluate.dataset import read_dataset
from tests.training.faces import projected
from training.crops import BOX_SIDE_PX, SIDE_PX, read_crops, write_crops
from training.label import label_faces

ROTATION = ypr_deg_to_matrix(np.array([[20.0, 5.0, -10.0]]))[0]


def write_dataset(folder, **changes):
    """A photo of 480 px in which the face has three times the size of a crop's."""
    assert cv2.imwrite(str(folder / "photo.png"), np.full((480, 480, 3), 99, np.uint8))
    # x' + 1/2 = 3 (x + 1/2)
    points = 3 * (projected(ROTATION) + 0.5) - 0.5
    corner, side = 3 * (SIDE_PX - BOX_SIDE_PX) / 2, 3 * BOX_SIDE_PX
    face = {"file": "photo.png", "box": [corner, corner, side, side], "landmarks": points.tolist()} | changes
    (folder / "labels.json").write_text(json.dumps([face]))
    return read_dataset(folder)


def test_a_photo_with_landmarks_becomes_a_crop_with_its_pose(tmp_path):
    dataset = write_dataset(tmp_path)
    write_crops(tmp_path / "crops", label_faces(dataset, "own", {}))
    crops = read_crops(tmp_path / "crops")
    # The window has whole pixels of the photo.
    np.testing.assert_allclose(crops.landmarks_px[0], projected(ROTATION), atol=0.8)
    assert geodesic_deg(crops.rotation, ROTATION[None])[0] < 0.5
    assert crops.ids.tolist() == ["own000000"]


def test_a_labelled_rotation_is_kept(tmp_path):
    angles = {"pitch_deg": 3.0, "yaw_deg": 30.0, "roll_deg": 1.0}
    (face,) = label_faces(write_dataset(tmp_path, **angles), "own", {})
    assert abs(abs(matrix_to_ypr_deg(face.rotation[None])[0, 0]) - 30) < 1


def test_half_a_face_needs_a_rotation(tmp_path):
    points = json.loads(json.dumps(write_dataset(tmp_path).samples[0].landmarks_px.tolist()))
    half = [None if number < 30 else point for number, point in enumerate(points)]
    left_out = {}
    assert not list(label_faces(write_dataset(tmp_path, landmarks=half), "own", left_out))
    assert left_out == {"a part of the landmarks and no rotation": 1}
    known = {"landmarks": half, "rotation": ROTATION.tolist(), "subject_id": "anna"}
    (face,) = label_faces(write_dataset(tmp_path, **known, rotation_spread_deg=2), "own", {})
    np.testing.assert_allclose(face.rotation, ROTATION)
    assert np.isnan(face.landmarks_px[:30]).all() and np.isfinite(face.landmarks_px[30:]).all()
    assert face.group == "own anna"
    assert not list(label_faces(write_dataset(tmp_path, **known, rotation_spread_deg=9), "own", left_out))
    assert left_out["estimators disagree on the rotation"] == 1


def test_faces_that_cannot_be_used_are_counted(tmp_path):
    left_out = {}
    assert not list(label_faces(write_dataset(tmp_path, file="missing.png"), "own", left_out))
    assert not list(label_faces(write_dataset(tmp_path, box=[1, 1, 0, 4]), "own", left_out))
    assert left_out == {"image_missing": 1, "box_invalid": 1}
