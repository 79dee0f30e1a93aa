import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.training.faces import made_up_faces
from training.crops import LABELS, SIDE_PX, TrainingDataError, joined, read_crops, write_crops


def test_what_is_written_is_read_again(tmp_path):
    faces = list(made_up_faces(5))
    assert write_crops(tmp_path, faces, faces_per_tar=2) == 5
    assert len(list(tmp_path.glob("crops-*.tar"))) == 3
    crops = read_crops(tmp_path)
    assert crops.ids == [face.face_id for face in faces]
    np.testing.assert_allclose(crops.landmarks_px, [face.landmarks_px for face in faces], atol=1e-4)
    np.testing.assert_allclose(crops.rotation, [face.rotation for face in faces], atol=1e-6)
    wanted = np.stack([face.image for face in faces]).astype(float)
    assert np.abs(crops.images - wanted).mean() < 12  # JPEG of noise


def test_angles_stand_beside_the_rotation(tmp_path):
    (face,) = made_up_faces(1)
    write_crops(tmp_path, [face])
    row = pq.read_table(tmp_path / LABELS).to_pylist()[0]
    assert row["yaw_deg"] == pytest.approx(np.rad2deg(-np.arcsin(face.rotation[2, 0])), abs=1e-3)


def test_sets_are_joined_in_order(tmp_path):
    write_crops(tmp_path, made_up_faces(2))
    crops = read_crops(tmp_path)
    both = joined([crops, crops])
    assert len(both) == 4
    assert both.ids == crops.ids * 2


def test_a_folder_without_labels_says_how_to_make_one(tmp_path):
    with pytest.raises(TrainingDataError, match="python -m training"):
        read_crops(tmp_path)


def test_a_label_without_its_crop_is_refused(tmp_path):
    write_crops(tmp_path, made_up_faces(3), faces_per_tar=2)
    (tmp_path / "crops-001.tar").unlink()
    with pytest.raises(TrainingDataError, match="1 of 3 labelled crops"):
        read_crops(tmp_path)


def test_a_crop_of_another_size_is_refused(tmp_path):
    (face,) = made_up_faces(1)
    small = cv2.resize(face.image, (SIDE_PX // 2, SIDE_PX // 2))
    write_crops(tmp_path, [face._replace(image=small)])
    with pytest.raises(TrainingDataError, match="80 x 80 px; expected 160 x 160"):
        read_crops(tmp_path)
