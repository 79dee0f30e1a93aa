import numpy as np
import pytest

from render_core.errors import HeadError
from render_core.heads.build import head_names, load_head
from render_core.heads.gallery import gallery, shade

PAPER = 255


def test_a_gallery_has_a_row_a_head_and_a_column_a_view() -> None:
    picture = gallery(["open-00", "open-01"], yaws_deg=[0.0, 40.0, 75.0], size_px=64)
    assert picture.shape == (128, 192, 3)
    assert picture.dtype == np.uint8
    tiles = [picture[y : y + 64, x : x + 64] for y in (0, 64) for x in (0, 64, 128)]
    for tile in tiles:
        head = (tile < PAPER).any(axis=2)
        assert 0.2 < head.mean() < 0.8
        assert tile[head].std() > 20


def test_by_default_all_heads_are_shown() -> None:
    assert gallery(yaws_deg=[0.0], size_px=16).shape == (16 * len(head_names()), 16, 3)


def test_positive_yaw_turns_the_nose_to_the_image_left() -> None:
    frontal, turned = ((shade(load_head(), yaw, 128) < PAPER).any(axis=2) for yaw in (0.0, 75.0))
    np.testing.assert_array_equal(frontal.any(axis=0), frontal.any(axis=0)[::-1])
    # In profile the nose tip is the only part that far to the left.
    first = np.flatnonzero(turned.any(axis=0))[0]
    assert turned[:, first : first + 2].any(axis=1).sum() < 12


@pytest.mark.parametrize(
    ("names", "yaws", "size"), [([], [0.0], 64), (["open-00"], [], 64), (None, [0.0], 8)]
)
def test_empty_galleries_are_refused(names: list[str] | None, yaws: list[float], size: int) -> None:
    with pytest.raises(HeadError, match="expected at least one of each and 16 px"):
        gallery(names, yaws, size)
