import numpy as np
import pytest

from fpn_core import project
from pipeline.report.marks import box_corners, cut, marks_of

PROJECTION = np.array([[2.0, 0, 0, 300], [0, 2.0, 0, 200], [0, 0, 0, 1]])


def dot(x: int, y: int) -> np.ndarray:
    """A black photo with one white spot, whose centre is a pixel."""
    photo = np.zeros((400, 600, 3), np.uint8)
    photo[y - 6 : y + 7, x - 6 : x + 7] = 255
    return photo


@pytest.mark.parametrize(("side_px", "size_px"), [(100.0, 100), (333.0, 80), (61.5, 320)])
def test_points_lie_where_the_picture_shows_them(side_px: float, size_px: int) -> None:
    closeup = cut(dot(310, 205), np.array([300.0, 200.0]), side_px, size_px)
    level = closeup.pixels[:, :, 0].astype(float)
    rows, columns = np.mgrid[:size_px, :size_px]
    seen = np.array([(columns * level).sum(), (rows * level).sum()]) / level.sum()
    assert seen == pytest.approx(closeup.place(np.array([[310.0, 205.0]]))[0], abs=0.15)


def test_beyond_the_photo_it_is_black() -> None:
    photo = np.full((50, 60, 3), 200, np.uint8)
    assert (
        cut(photo, np.array([-0.5, 24.5]), 40.0, 40).pixels[20].tolist() == [[0] * 3] * 20 + [[200] * 3] * 20
    )
    assert not cut(photo, np.array([-500.0, 9000.0]), 40.0, 40).pixels.any()


def test_a_posed_face_has_box_axes_and_landmarks() -> None:
    record = {"projection": PROJECTION.ravel(), "box_xywh_px": [1, 2, 30, 40], "landmarks_xy_px": range(136)}
    marks = marks_of(record)
    assert marks.box_px.tolist() == [[1, 2], [31, 2], [31, 42], [1, 42]]
    assert marks.landmarks_px is not None and marks.landmarks_px[67].tolist() == [134, 135]
    assert marks.axes_px is not None
    origin, right, down, out = marks.axes_px
    assert origin == pytest.approx(project(np.array([[0, 0, -60.0]]), PROJECTION[None])[0, 0])
    assert (right - origin).tolist() == [140, 0]
    assert (down - origin).tolist() == [0, 140]
    assert out == pytest.approx(origin)  # towards the camera
    assert marks_of(record | {"landmarks_xy_px": None}).landmarks_px is None


def test_corners_go_round() -> None:
    assert box_corners(np.array([10, 20, 3, 4])).tolist() == [[10, 20], [13, 20], [13, 24], [10, 24]]
