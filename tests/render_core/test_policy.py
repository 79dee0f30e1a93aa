import math

import pytest

from render_core.policy import is_mirrored, select_views

VIEWS = (0, 22, 40, 55, 75)


@pytest.mark.parametrize(
    ("yaw_deg", "expected"),
    [
        (0.0, VIEWS),
        (14.999, VIEWS),
        (15.0, (40, 55, 75)),
        (40.0, (40, 55, 75)),
        (40.001, (55, 75)),
        (89.0, (55, 75)),
    ],
)
def test_the_reference_policy_on_both_sides(yaw_deg: float, expected: tuple[int, ...]) -> None:
    assert select_views(yaw_deg, VIEWS) == expected
    assert select_views(-yaw_deg, VIEWS) == expected


@pytest.mark.parametrize(
    ("yaw_deg", "views", "expected"),
    [
        (30.0, (0, 40, 75), (40, 75)),
        (60.0, (0, 40, 75), (75,)),
        (60.0, (0, 22), (22,)),
        (60.0, (0,), (0,)),
        (30.0, (-75, 0, 75), (-75, 75)),
        (30.0, (75, 0, 40), (75, 40)),
    ],
)
def test_other_sets_of_views_keep_their_order_and_at_least_the_farthest(
    yaw_deg: float, views: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert select_views(yaw_deg, views) == expected


@pytest.mark.parametrize("yaw_deg", [math.nan, math.inf])
def test_a_yaw_that_is_no_angle_is_refused(yaw_deg: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        select_views(yaw_deg, VIEWS)


def test_no_views_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        select_views(0.0, ())


def test_only_faces_turned_to_the_image_right_are_mirrored() -> None:
    assert is_mirrored(-0.1)
    assert not is_mirrored(0.0)
    assert not is_mirrored(30.0)
