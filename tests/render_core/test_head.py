import numpy as np
import pytest

from render_core.errors import HeadError
from render_core.head import HeadView, ViewedHead, views_to_mesh


def flat_view(yaw_deg: float, ids: list[int], **changes: np.ndarray) -> HeadView:
    rows, columns = np.mgrid[0:4, 0:4].astype(np.float32)
    mask = np.ones((4, 4), bool)
    arguments = {
        "points_mm": np.stack([columns, rows, np.zeros_like(rows)], axis=-1),
        "face_mask": mask,
        "head_mask": mask,
        "landmarks_mm": np.full((len(ids), 3), yaw_deg),
        "landmark_ids": np.array(ids, np.int64),
        "photo_camera": np.eye(3),
    } | changes
    return HeadView(yaw_deg=yaw_deg, **arguments)


def test_landmarks_come_from_the_most_frontal_view_that_shows_them() -> None:
    head = ViewedHead("two", {75.0: flat_view(75.0, list(range(68))), 0.0: flat_view(0.0, [3, 4])})
    assert head.landmarks_mm[3].tolist() == [0.0, 0.0, 0.0]
    assert head.landmarks_mm[5].tolist() == [75.0, 75.0, 75.0]


def test_landmarks_that_no_view_shows_are_named() -> None:
    head = ViewedHead("one", {0.0: flat_view(0.0, list(range(67)))})
    with pytest.raises(HeadError, match=r"no view shows landmarks \[67\]"):
        _ = head.landmarks_mm


def test_the_surface_joins_neighbours_but_no_jump_in_depth() -> None:
    whole = flat_view(0.0, [])
    vertices, faces = views_to_mesh([whole])
    assert (len(vertices), len(faces)) == (16, 18)
    points = whole.points_mm.copy()
    points[:, 2:, 2] = 100.0
    torn_vertices, torn_faces = views_to_mesh([flat_view(0.0, [], points_mm=points)])
    assert len(torn_faces) == 12
    sides = torn_vertices[torn_faces] - torn_vertices[np.roll(torn_faces, 1, axis=1)]
    assert np.linalg.norm(sides, axis=2).max() < 2


def test_several_views_lie_side_by_side() -> None:
    vertices, faces = views_to_mesh([flat_view(0.0, []), flat_view(40.0, [])])
    assert (len(vertices), len(faces), faces.max()) == (32, 36, 31)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"face_mask": np.ones((3, 4), bool)}, "equal sizes"),
        ({"face_mask": np.zeros((4, 4), bool)}, "at least one pixel"),
        ({"points_mm": np.full((4, 4, 3), np.nan, np.float32)}, "finite"),
        ({"landmark_ids": np.array([1], np.int64)}, "expected as many"),
    ],
)
def test_impossible_views_are_refused(changes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(HeadError, match=message):
        flat_view(0.0, [], **changes)


def test_a_head_without_views_is_refused() -> None:
    with pytest.raises(HeadError, match="at least one"):
        ViewedHead("none", {})
