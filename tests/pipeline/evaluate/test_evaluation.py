"""A whole evaluation, with a network that knows the answers and one that is off by a known turn."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fpn_core import PoseNetwork, ypr_deg_to_matrix
from pipeline.evaluate import Dataset, DatasetError, Sample, crops_of, evaluate, read_dataset

from .faces import BOX, Oracle, landmarks, write_photo

YPR = {20: (0, 0, 0), 60: (40, 5, 0), 100: (-75, 0, 10), 140: (15, -20, -5)}
ROTATIONS = {shade: ypr_deg_to_matrix(np.array([ypr], float))[0] for shade, ypr in YPR.items()}


@pytest.fixture
def faces(tmp_path):
    samples = []
    for shade, rotation in ROTATIONS.items():
        write_photo(tmp_path / f"{shade}.png", shade)
        samples.append(Sample(str(shade), tmp_path / f"{shade}.png", BOX, rotation, landmarks(rotation)))
    return samples


def turned(by_ypr_deg):
    turn = ypr_deg_to_matrix(np.array([by_ypr_deg], float))[0]
    return Oracle({shade: turn @ rotation for shade, rotation in ROTATIONS.items()})


def test_network_that_knows_the_answers_has_no_errors(faces):
    result = evaluate(Dataset("made up", tuple(faces)), "faces", Oracle(ROTATIONS))
    assert result.all.geodesic_deg == pytest.approx(0, abs=1e-5)
    assert result.all.within_percent == {"5": 100, "10": 100, "15": 100}
    assert result.all.landmarks_eyes_percent == pytest.approx(0, abs=1e-6)
    assert {name: s.faces for name, s in result.by_yaw.items()} == {"0-30": 2, "30-60": 1, "60-": 1}
    assert result.failed == {}


def test_network_that_is_off_by_a_turn_is_off_by_that_angle(faces):
    result = evaluate(Dataset("made up", tuple(faces)), "faces", turned((0, 0, 7)))
    assert result.all.geodesic_deg == pytest.approx(7, abs=1e-5)
    assert result.all.within_percent == {"5": 0, "10": 100, "15": 100}
    assert result.all.landmarks_eyes_percent > 1


def test_yaw_of_faces_without_a_pose_is_that_of_their_landmarks(faces):
    unposed = tuple(Sample(s.name, s.image, BOX, None, s.landmarks_px) for s in faces)
    result = evaluate(Dataset("made up", unposed), "faces", Oracle(ROTATIONS))
    assert {name: s.faces for name, s in result.by_yaw.items()} == {"0-30": 2, "30-60": 1, "60-": 1}
    assert result.all.mae_deg is None


def test_half_a_face_tells_no_yaw(faces):
    points = faces[1].landmarks_px.copy()
    points[:30] = np.nan
    half = Sample("half", faces[1].image, BOX, None, points)
    result = evaluate(Dataset("made up", (half,)), "faces", Oracle(ROTATIONS))
    assert result.by_yaw == {} and result.wide is None
    assert result.all.inner_box_percent == pytest.approx(0, abs=1e-6)


def test_rotation_that_estimators_disagree_on_names_the_bin_and_is_not_measured_against(faces):
    unsure = [replace(face, spread_deg=9.0) if face.name == "60" else face for face in faces]
    result = evaluate(Dataset("made up", tuple(unsure)), "faces", turned((0, 0, 7)))
    assert result.by_yaw["30-60"].faces == 1 and result.by_yaw["30-60"].geodesic_deg is None
    assert result.by_yaw["30-60"].landmarks_eyes_percent > 1
    assert result.all.geodesic_deg == pytest.approx(7, abs=1e-5)


def test_intervals_draw_people(faces):
    alone = evaluate(Dataset("made up", tuple(faces)), "faces", turned((0, 0, 7)))
    assert alone.all.interval_95["geodesic_deg"] == pytest.approx((7, 7), abs=1e-5)
    same = tuple(replace(face, subject="1") for face in faces)
    assert evaluate(Dataset("made up", same), "faces", turned((0, 0, 7))).all.interval_95 == {}


def test_faces_without_photo_box_or_pose_are_counted_and_leave_the_rest_alone(faces, tmp_path):
    (tmp_path / "text.png").write_text("no photo")
    rotation = ROTATIONS[20]
    bad_box = np.array([0.0, 0, -1, 5])
    broken = [
        Sample("gone", tmp_path / "gone.png", BOX, rotation, None),
        Sample("text", tmp_path / "text.png", BOX, rotation, None),
        Sample("box", faces[0].image, bad_box, rotation, None),
        Sample("huge", faces[0].image, np.array([0.0, 0, 9000, 9000]), rotation, None),
        Sample("outside", faces[0].image, np.array([900.0, 9, 90, 90]), rotation, None),
    ]
    lost = Oracle(ROTATIONS | {60: np.full((3, 3), np.nan)})
    done = []
    everyone = (*broken, *faces)
    result = evaluate(Dataset("made up", everyone, {"too far": 2}), "faces", lost, advance=done.append)
    assert sum(done) == len(everyone)
    assert result.failed == {
        "too far": 2,
        "image_missing": 1,
        "image_unreadable": 1,
        "box_invalid": 2,
        "box_outside_image": 1,
        "pose_not_finite": 1,
    }
    assert result.all.faces == 3 and result.all.geodesic_deg == pytest.approx(0, abs=1e-5)


def test_crops_are_spread_over_the_data_set_and_need_photos(faces, tmp_path):
    crops = crops_of(Dataset("made up", tuple(faces)), Oracle.spec, most=2)
    assert [int(np.median(crop)) for crop in crops] == [20, 100]
    assert len(crops_of(Dataset("made up", tuple(faces)), Oracle.spec, most=99)) == 4
    gone = Sample("gone", tmp_path / "gone.png", BOX, None, None)
    with pytest.raises(DatasetError, match="none of 1 faces"):
        crops_of(Dataset("made up", (gone,)), Oracle.spec, most=5)


def test_average_with_the_mirror_image_is_what_both_say(faces):
    """These photos are their own mirror images, so that only a face without yaw and roll stays."""
    result = evaluate(Dataset("made up", tuple(faces)), "faces", Oracle(ROTATIONS), average_mirrored=True)
    assert result.network == "oracle averaged with its mirror image"
    assert result.errors.geodesic_deg[0] == pytest.approx(0, abs=1e-5)
    assert result.errors.geodesic_deg[1:].min() > 10


def test_data_set_without_a_single_pose_is_refused(tmp_path):
    sample = Sample("gone", tmp_path / "gone.png", BOX, None, None)
    with pytest.raises(DatasetError, match="image_missing"):
        evaluate(Dataset("made up", (sample,)), "faces", Oracle(ROTATIONS))


def test_json_says_what_was_measured_on_what(faces):
    text = json.dumps(evaluate(Dataset("made up", tuple(faces)), "faces", Oracle(ROTATIONS)).as_json())
    found = json.loads(text)
    assert (found["dataset"], found["network"], found["sha256"]) == ("faces", "oracle", "0" * 64)
    assert found["all"]["faces"] == 4 and found["by_yaw"]["60-"]["mae_deg"]["roll"] < 1e-5


def test_included_network_on_labelled_photos(reference):
    """Rough bounds: the exact numbers stand on the network's card and are held by its own test."""
    network = PoseNetwork(device="cpu")
    aflw = evaluate(read_dataset(reference.path("eval/aflw2000")), "aflw2000", network)
    lfpw = evaluate(read_dataset(reference.path("eval/lfpw")), "lfpw", network)
    # Measured: 3.4 degrees, and 6.0 % with the mean head of this project for every face.
    assert aflw.all.faces == 16 and aflw.all.mean_mae_deg < 4.0
    assert lfpw.all.faces == 112 and lfpw.all.landmarks_eyes_percent < 6.5


def test_included_network_on_profiles_labelled_by_people(reference):
    cfp = evaluate(read_dataset(reference.path("eval/cfp")), "cfp", PoseNetwork(device="cpu"))
    # Measured: 3.4 degrees and 4.65 %, where the predecessor had 6.9 and 5.73.
    assert cfp.all.faces == 698 and cfp.wide.faces == 198
    assert cfp.wide.geodesic_median_deg < 3.8 and cfp.wide.inner_box_percent < 4.8
    assert cfp.by_yaw["0-30"].inner_box_percent < 3.15
