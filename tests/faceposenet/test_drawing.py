import numpy as np
import pytest

from faceposenet import Face, FacePoser, FaceRejectedError, Rejected, draw
from tests.photos import FACE_XYWH_PX, portrait


@pytest.fixture(scope="module")
def face(poser: FacePoser) -> Face:
    return poser.pose(portrait(), FACE_XYWH_PX)


def changed(picture: np.ndarray) -> np.ndarray:
    return np.argwhere((picture != portrait()).any(axis=2))[:, ::-1]


def test_landmarks_are_drawn_where_they_are(face: Face) -> None:
    drawn = draw(portrait(), face, axes=False).image
    points = changed(drawn)
    distances = np.linalg.norm(points[:, None] - face.landmarks_xy_px[None], axis=2)
    assert distances.min(axis=1).max() < 4
    assert distances.min(axis=0).max() < 2


def test_axes_begin_at_the_nose_and_the_green_one_goes_down(face: Face) -> None:
    drawn = draw(portrait(), face, landmarks=False).image
    green = np.argwhere((drawn == (0, 200, 0)).all(axis=2))[:, ::-1]
    nose = face.landmarks_xy_px[30]
    assert np.linalg.norm(green - nose, axis=1).min() < 15
    assert green[:, 1].max() > nose[1] + 20


def test_boxes_and_many_faces(face: Face) -> None:
    rejected = Rejected("box_invalid", "no box")
    nothing = draw(portrait(), [rejected, rejected])
    np.testing.assert_array_equal(nothing.image, portrait())
    np.testing.assert_array_equal(draw(portrait(), rejected).image, portrait())
    drawn = changed(draw(portrait(), iter([rejected, face]), axes=False, landmarks=False, box=True).image)
    x, y, width, height = FACE_XYWH_PX
    assert np.abs(drawn.min(axis=0) - (x, y)).max() <= 2
    assert np.abs(drawn.max(axis=0) - (x + width, y + height)).max() <= 2


def test_the_photo_itself_is_not_drawn_on(face: Face) -> None:
    photo = portrait()
    draw(photo, face)
    np.testing.assert_array_equal(photo, portrait())


def test_points_that_are_no_numbers_or_far_away_are_no_error(face: Face) -> None:
    values = face.as_dict()
    values["landmarks_xy_px"][0] = [float("nan"), 1e30]
    draw(portrait(), Face.from_row(values))


def test_a_photo_that_is_not_there(face: Face, tmp_path) -> None:
    with pytest.raises(FaceRejectedError, match="image_missing"):
        draw(tmp_path / "absent.jpg", face)
