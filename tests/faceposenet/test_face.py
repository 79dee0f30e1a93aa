import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from faceposenet import Face, FacePoser, InputError
from fpn_core import project, rvec_to_matrix, ypr_deg_to_matrix
from pipeline.show.posed_photo import posed_by_file, read_pose
from tests.photos import FACE_XYWH_PX, portrait


@pytest.fixture(scope="module")
def face(poser: FacePoser) -> Face:
    return poser.pose(portrait(), FACE_XYWH_PX)


def test_angles_vector_and_projection_tell_the_same_pose(face: Face) -> None:
    turn = ypr_deg_to_matrix(np.array([[face.yaw_deg, face.pitch_deg, face.roll_deg]]))
    np.testing.assert_allclose(turn, rvec_to_matrix(face.rvec_rad[None]), atol=1e-9)
    # The head's origin lies where K t puts it on the crop of 227 px.
    x0, y0, x1, _ = face.crop_xyxy_px
    on_crop = 2880 * face.tvec_mm[:2] / face.tvec_mm[2] + 112
    expected = (on_crop + 0.5) * (x1 - x0) / 227 - 0.5 + [x0, y0]
    origin = project(np.zeros((1, 3)), face.projection[None])[0, 0]
    np.testing.assert_allclose(origin, expected, atol=1e-6)


def test_a_face_cannot_be_changed(face: Face) -> None:
    with pytest.raises(ValueError, match="read-only"):
        face.landmarks_xy_px[0] = 0
    with pytest.raises(AttributeError):
        face.yaw_deg = 0.0


def test_a_low_confidence_is_a_question_about_the_box(face: Face) -> None:
    assert face.expected_error_deg == pytest.approx(-10 * np.log2(face.confidence))
    assert face.warning is None and "confidence" not in repr(face)
    unsure = dataclasses.replace(face, confidence=0.25)
    assert unsure.expected_error_deg == pytest.approx(20)
    assert "about 20 degrees off; is the box right?" in repr(unsure)
    assert "is the box right?" in unsure._repr_html_()
    for confidence in (None, 7.0, -1.0):  # networks of others may count otherwise
        other = dataclasses.replace(face, confidence=confidence)
        assert other.expected_error_deg is None and other.warning is None


def test_it_goes_through_json(face: Face) -> None:
    again = Face.from_row(json.loads(json.dumps(face.as_dict())))
    assert again.as_dict() == face.as_dict()
    assert again.confidence == face.confidence


def test_its_json_is_a_pose_for_fpn_render(face: Face, tmp_path) -> None:
    path = tmp_path / "pose.json"
    path.write_text(json.dumps(face.as_dict()), encoding="utf-8")
    posed = posed_by_file(portrait(), read_pose(path), compat=False)
    np.testing.assert_allclose(posed.projection, face.projection, rtol=1e-9, atol=1e-6)


def test_it_comes_from_a_row_of_a_jobs_poses(face: Face) -> None:
    values = face.as_dict()
    width, height = values.pop("image_wh_px")
    flat = {name: np.ravel(v).astype(np.float32) for name, v in values.items() if isinstance(v, list)}
    row = {**values, **flat, "image_width_px": width, "image_height_px": height, "confidence": float("nan")}
    for given in (row, pd.DataFrame([row]).iloc[0]):
        found = Face.from_row(given)
        np.testing.assert_allclose(found.projection, face.projection, rtol=1e-6)
        np.testing.assert_allclose(found.landmarks_xy_px, face.landmarks_xy_px, rtol=1e-6)
        assert (found.image_wh_px, found.confidence) == ((512, 512), None)
    assert Face.from_row({**row, "confidence": np.float32(0.5)}).confidence == 0.5


def test_a_row_without_landmarks_gets_those_of_the_mean_head(face: Face) -> None:
    row = {name: value for name, value in face.as_dict().items() if name != "landmarks_xy_px"}
    np.testing.assert_allclose(Face.from_row(row).landmarks_xy_px, face.landmarks_xy_px, atol=1e-6)


@pytest.mark.parametrize("absent", ["box_xywh_px", "yaw_deg", "projection", "image_wh_px"])
def test_a_row_without_all_of_a_face_is_refused(face: Face, absent: str) -> None:
    row = face.as_dict()
    del row[absent]
    with pytest.raises(InputError, match="expected a row of a job's poses"):
        Face.from_row(row)


def test_a_row_with_other_numbers_is_refused(face: Face) -> None:
    with pytest.raises(InputError, match=r"tvec_mm of a face: expected numbers of shape \(3,\)"):
        Face.from_row({**face.as_dict(), "tvec_mm": [1, 2]})


def test_what_a_person_sees_of_it(face: Face) -> None:
    assert f"{face.yaw_deg:+.1f}" in repr(face)
    assert "92 x 113 px at 176, 72" in repr(face)
    assert f"{face.roll_deg:+.1f}" in face._repr_html_()
    unsure = Face.from_row({**face.as_dict(), "confidence": None})
    assert "none given" in unsure._repr_html_()
    sure = Face.from_row({**face.as_dict(), "confidence": 0.75})
    assert "0.75" in sure._repr_html_()
