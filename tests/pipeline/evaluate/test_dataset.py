"""Every layout of a data set, read into our frames, and every way in which it can be broken."""

import json
import sys

import numpy as np
import pytest
import scipy.io

from fpn_core import MissingPackageError, ypr_deg_to_matrix
from pipeline.evaluate import DatasetError, read_dataset
from pipeline.evaluate.conventions import rotation_to_published_angles
from pipeline.evaluate.dataset import enclosing_box

from .faces import BOX, landmarks, matlab_points, write_photo

ROTATION = ypr_deg_to_matrix(np.array([[20.0, -5, 10]]))[0]
POINTS = landmarks(ROTATION)
YAW, PITCH, ROLL = rotation_to_published_angles(ROTATION[None])[0]


def write_labels(folder, **changes):
    label = {"file": "a.png", "box": BOX.tolist(), "landmarks": POINTS.tolist()}
    label |= {"yaw_deg": YAW, "pitch_deg": PITCH, "roll_deg": ROLL} | changes
    label = {key: value for key, value in label.items() if value is not None}
    (folder / "labels.json").write_text(json.dumps([label]))
    write_photo(folder / "a.png")


def write_aflw(folder, name="image1", angles_deg=(PITCH, YAW, ROLL)):
    pose = np.array([[*np.deg2rad(angles_deg), 100, 120, -60, 1e-3]])
    scipy.io.savemat(folder / f"{name}.mat", {"Pose_Para": pose, "pt3d_68": matlab_points(POINTS).aflw})
    write_photo(folder / f"{name}.jpg")


def write_pts(folder):
    lines = "\n".join(f"{x} {y}" for x, y in matlab_points(POINTS).pts)
    (folder / "a.pts").write_text(f"version: 1\nn_points:  68\n{{\n{lines}\n}}\n")
    write_photo(folder / "a.png")


def write_biwi(folder, centre_mm=(50.0, -20, 900), turn=None):
    turn = np.eye(3) if turn is None else turn
    sequence = folder / "01"
    sequence.mkdir()
    camera = np.array([[520.0, 0, 320], [0, 520, 240], [0, 0, 1]])
    blocks = [camera, np.zeros((1, 4)), turn, np.array([[-10.0, 2, 4]]), np.array([[640.0, 480]])]
    (sequence / "rgb.cal").write_text(
        "\n\n".join("\n".join(" ".join(map(str, r)) for r in b) for b in blocks)
    )
    rows = "\n".join(" ".join(map(str, row)) + " " for row in ROTATION)
    (sequence / "frame_00003_pose.txt").write_text(f"{rows}\n\n{' '.join(map(str, centre_mm))} \n")
    write_photo(sequence / "frame_00003_rgb.png")


def only(folder, kind):
    dataset = read_dataset(folder)
    assert dataset.kind == kind and len(dataset.samples) == 1
    assert dataset.samples[0].image.is_file()
    return dataset.samples[0]


def test_labels_json(tmp_path):
    write_labels(tmp_path)
    for path in (tmp_path, tmp_path / "labels.json"):
        sample = only(path, "labels.json")
        np.testing.assert_allclose(sample.rotation, ROTATION, atol=1e-9)
        np.testing.assert_allclose(sample.landmarks_px, POINTS)
        np.testing.assert_array_equal(sample.box_xywh_px, BOX)


def test_labels_json_with_some_labels_only(tmp_path):
    write_labels(tmp_path, yaw_deg=None, box=None)
    sample = only(tmp_path, "labels.json")
    assert sample.rotation is None
    np.testing.assert_allclose(sample.box_xywh_px, enclosing_box(POINTS))
    write_labels(tmp_path, landmarks=None)
    assert only(tmp_path, "labels.json").landmarks_px is None


def test_aflw(tmp_path):
    write_aflw(tmp_path)
    write_aflw(tmp_path, "image2", (0, 100, 0))
    sample = only(tmp_path, "AFLW2000-3D")
    np.testing.assert_allclose(sample.rotation, ROTATION, atol=1e-9)
    np.testing.assert_allclose(sample.landmarks_px, POINTS, atol=1e-9)
    np.testing.assert_allclose(sample.box_xywh_px, enclosing_box(POINTS), atol=1e-9)
    assert read_dataset(tmp_path).left_out == {"an angle beyond 99 degrees": 1}


def test_300w(tmp_path):
    write_pts(tmp_path)
    sample = only(tmp_path, "300-W")
    np.testing.assert_allclose(sample.landmarks_px, POINTS, atol=1e-9)
    assert sample.rotation is None


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_biwi_has_the_box_in_the_colour_camera_and_the_rotation_as_published(suffix, tmp_path):
    turn = ypr_deg_to_matrix(np.array([[1.0, 0, -2]]))[0]
    write_biwi(tmp_path, turn=turn)
    png = tmp_path / "01/frame_00003_rgb.png"
    png.rename(png.with_suffix(suffix))
    sample = only(tmp_path, "BIWI")
    np.testing.assert_allclose(sample.rotation, ROTATION, atol=1e-9)
    x, y, z = turn @ [50, -20, 900] + [-10, 2, 4]
    x0, y0, side, height = sample.box_xywh_px
    assert side == height == pytest.approx(520 * 150 / z)
    np.testing.assert_allclose([x0 + side / 2, y0 + side / 2], [320 + 520 * x / z, 240 + 520 * y / z])
    assert sample.name == "01/frame_00003"


def test_folder_of_no_known_kind_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no data set that is known"):
        read_dataset(tmp_path)


def test_labels_json_with_a_rotation_its_spread_and_a_person(tmp_path):
    write_labels(
        tmp_path, yaw_deg=None, rotation=np.ravel(ROTATION).tolist(), rotation_spread_deg=3, subject_id=7
    )
    sample = only(tmp_path, "labels.json")
    np.testing.assert_allclose(sample.rotation, ROTATION)
    np.testing.assert_allclose(sample.trusted_rotation, ROTATION)
    assert (sample.spread_deg, sample.subject) == (3, "7")
    write_labels(tmp_path, yaw_deg=None, rotation=ROTATION.tolist(), rotation_spread_deg=8.5)
    sample = only(tmp_path, "labels.json")
    np.testing.assert_allclose(sample.rotation, ROTATION)
    assert sample.trusted_rotation is None


def test_labels_json_with_points_that_are_not_seen(tmp_path):
    seen = POINTS[:40].tolist()
    write_labels(tmp_path, landmarks=seen + [None] * 28, box=None)
    sample = only(tmp_path, "labels.json")
    np.testing.assert_allclose(sample.landmarks_px[:40], POINTS[:40])
    assert np.isnan(sample.landmarks_px[40:]).all()
    np.testing.assert_allclose(sample.box_xywh_px, enclosing_box(POINTS[:40]))
    write_labels(tmp_path, landmarks=[None] * 68)
    assert only(tmp_path, "labels.json").landmarks_px is None


@pytest.mark.parametrize(
    "changes",
    [
        {"file": None},
        {"box": [1, 2, 3]},
        {"landmarks": [[1, 2]]},
        {"pitch_deg": "north"},
        {"rotation": [1, 2, 3]},
        {"rotation": [1, 0, 0, 0, 1, 0, 0, 0, -1]},
        {"landmarks": [None] * 67},
    ],
)
def test_broken_label_is_named_by_its_number(changes, tmp_path):
    write_labels(tmp_path, **changes)
    with pytest.raises(DatasetError, match=r"face 0 of .*labels\.json is not as expected"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("content", ["no json", "{}", "[]"])
def test_labels_json_that_is_no_list_of_faces(content, tmp_path):
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(DatasetError, match=r"labels\.json"):
        read_dataset(tmp_path)


def test_broken_mat_files(tmp_path):
    write_aflw(tmp_path)
    (tmp_path / "image1.mat").write_bytes(b"no mat file" * 50)
    with pytest.raises(DatasetError, match=r"image1\.mat is no \.mat file"):
        read_dataset(tmp_path)
    scipy.io.savemat(tmp_path / "image1.mat", {"Pose_Para": np.zeros((1, 7))})
    with pytest.raises(DatasetError, match=r"expected Pose_Para and pt3d_68"):
        read_dataset(tmp_path)


def test_missing_scipy_is_named_with_its_extra(tmp_path, monkeypatch):
    write_aflw(tmp_path)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingPackageError, match=r"faceposenet\[reference-heads\]"):
        read_dataset(tmp_path)


def test_broken_pts_and_missing_photo(tmp_path):
    write_pts(tmp_path)
    (tmp_path / "a.pts").write_text("version: 1\n{\n1 2\n3 4\n}")
    with pytest.raises(DatasetError, match=r"a\.pts.*expected 68 in braces"):
        read_dataset(tmp_path)
    write_pts(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(DatasetError, match=r"no photo beside .*a\.pts"):
        read_dataset(tmp_path)


def test_broken_biwi_files(tmp_path):
    write_biwi(tmp_path)
    (tmp_path / "01/frame_00003_pose.txt").write_text("1 0 0\n0 1 0")
    with pytest.raises(DatasetError, match=r"pose\.txt holds 6 numbers; expected at least 12"):
        read_dataset(tmp_path)
    (tmp_path / "01/rgb.cal").unlink()
    with pytest.raises(DatasetError, match=r"cannot read .*rgb\.cal"):
        read_dataset(tmp_path)


def test_head_behind_the_camera_is_refused(tmp_path):
    write_biwi(tmp_path, centre_mm=(0.0, 0, -900))
    with pytest.raises(DatasetError, match="puts the head behind the camera"):
        read_dataset(tmp_path)
