import hashlib

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.faces import made_up_faces
from training.crops import (
    LABELS,
    SIDE_PX,
    TrainingDataError,
    digests,
    joined,
    photo_part,
    read_crops,
    read_labels,
    write_crops,
)


def test_what_is_written_is_read_again(tmp_path):
    faces = list(made_up_faces(5))
    assert write_crops(tmp_path, faces, faces_per_tar=2) == 5
    assert len(list(tmp_path.glob("crops-*.tar"))) == 3
    crops = read_crops(tmp_path)
    assert crops.ids.tolist() == [face.face_id for face in faces]
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
    assert both.ids.tolist() == crops.ids.tolist() * 2


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


def rewrite(folder, name=LABELS, **columns):
    """The table of a folder with columns set, or added, under another name."""
    table = pq.read_table(folder / LABELS)
    for column, values in columns.items():
        table = table.drop_columns([column]) if column in table.column_names else table
        table = table.append_column(column, pa.array(values))
    pq.write_table(table, folder / name)


def test_another_table_and_some_sources_only(tmp_path):
    write_crops(tmp_path, made_up_faces(4))
    rewrite(tmp_path, "wide.parquet", source=["a", "b", "a", "c"])
    chosen = read_crops(tmp_path, "wide.parquet", sources=["a", "c"])
    assert chosen.ids.tolist() == ["face000", "face002", "face003"]
    whole = read_crops(tmp_path)
    np.testing.assert_array_equal(chosen.images, whole.images[[0, 2, 3]])
    with pytest.raises(TrainingDataError, match="no face of d"):
        read_crops(tmp_path, "wide.parquet", sources=["d"])


def test_rotations_of_a_second_table_replace_those_of_the_first_by_id(tmp_path):
    write_crops(tmp_path, made_up_faces(3))
    turned = np.tile(np.eye(3, dtype=np.float32).ravel(), (4, 1)) * np.arange(4)[:, None]
    rows = {
        "id": ["other", "face002", "face001", "face000"],
        "rotation": turned.tolist(),
        "rotation_spread_deg": [9.0, 2.0, 1.0, 0.5],
    }
    pq.write_table(pa.table(rows), tmp_path / "consensus.parquet")
    labels = read_labels(tmp_path, rotations="consensus.parquet")
    np.testing.assert_array_equal(labels.rotation[:, 0, 0], [3, 2, 1])
    np.testing.assert_array_equal(labels.spread_deg, [0.5, 1.0, 2.0])
    assert np.isnan(read_labels(tmp_path).spread_deg).all()
    pq.write_table(pa.table(rows).slice(0, 3), tmp_path / "consensus.parquet")
    with pytest.raises(
        TrainingDataError, match=r"consensus\.parquet lacks 1 of 3 faces, the first is face000"
    ):
        read_labels(tmp_path, rotations="consensus.parquet")


def test_points_that_people_left_out_are_those_of_the_estimator(tmp_path):
    faces = list(made_up_faces(2))
    own = np.stack([face.landmarks_px for face in faces])
    own[0, 40:] = np.nan
    estimated = np.stack([face.landmarks_px for face in faces]) + 7
    write_crops(tmp_path, faces)
    rewrite(
        tmp_path, landmarks=own.reshape(2, -1).tolist(), landmarks_estimated=estimated.reshape(2, -1).tolist()
    )
    points = read_labels(tmp_path).landmarks_px
    by_people = [point for point in range(27, 40) if point not in (31, 35)]
    np.testing.assert_allclose(points[0, by_people], own[0, by_people], atol=1e-4)
    # Where people set half a face, its outline and brows are the estimator's, too.
    others = [point for point in range(68) if point not in by_people]
    np.testing.assert_allclose(points[0, others], estimated[0, others], atol=1e-4)
    np.testing.assert_allclose(points[1], own[1], atol=1e-4)


def test_points_that_nobody_knows_stay_unknown(tmp_path):
    (face,) = made_up_faces(1)
    face.landmarks_px[:20] = np.nan
    write_crops(tmp_path, [face])
    assert np.isnan(read_labels(tmp_path).landmarks_px[0, :, 0]).tolist() == [True] * 20 + [False] * 48


def test_people_are_groups_where_they_are_known(tmp_path):
    faces = [face._replace(group="of anna") for face in made_up_faces(2)]
    write_crops(tmp_path, [*faces, *list(made_up_faces(3))[2:]])
    assert read_labels(tmp_path).groups.tolist() == ["of anna", "of anna", "face002"]
    rewrite(tmp_path, identity=[4, 5, 4])
    table = pq.read_table(tmp_path / LABELS).drop_columns(["group"])
    pq.write_table(table, tmp_path / LABELS)
    assert read_labels(tmp_path).groups.tolist() == ["made up 4", "made up 5", "made up 4"]


def test_the_photo_is_what_is_not_black_border():
    image = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    image[20:140, 30:] = 90
    image[:, 40] = np.maximum(image[:, 40], 6)  # as JPEG leaves it
    # Two pixels beside a border are left out: they are darkened.
    assert photo_part(image).tolist() == [32, 22, SIDE_PX, 138]
    assert photo_part(np.full_like(image, 90)).tolist() == [0, 0, SIDE_PX, SIDE_PX]
    assert photo_part(np.zeros_like(image)).tolist() == [0, 0, SIDE_PX, SIDE_PX]


def test_digests_are_of_all_files_that_are_read(tmp_path):
    write_crops(tmp_path, made_up_faces(3), faces_per_tar=2)
    found = digests(tmp_path)
    assert list(found) == [LABELS, "crops-000.tar", "crops-001.tar"]
    assert found[LABELS] == hashlib.sha256((tmp_path / LABELS).read_bytes()).hexdigest()
    (tmp_path / "crops-001.tar").unlink()
    with pytest.raises(TrainingDataError, match=r"crops-001\.tar"):
        digests(tmp_path)
