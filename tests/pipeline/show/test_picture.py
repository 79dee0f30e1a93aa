from dataclasses import replace

import numpy as np
import pytest

from faceposenet import FacePoser, Rejected
from pipeline.show.picture import draw_picture
from pipeline.show.show import LookedAt, look_at
from tests.photos import FACE_XYWH_PX, portrait, write_portrait


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> LookedAt:
    folder = tmp_path_factory.mktemp("photo")
    photo = write_portrait(folder / "a.jpg")
    return look_at(str(photo), FACE_XYWH_PX, FacePoser(cache_dir=folder), [0, 40], 64)


def find(picture: np.ndarray, piece: np.ndarray) -> bool:
    """Whether a piece is in a picture, to the byte."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (1, piece.shape[1], 3))[:, :, 0, 0]
    return bool((windows == piece[0]).all(axis=(2, 3)).any())


def test_photo_views_and_marks_are_in_it(looked: LookedAt) -> None:
    picture = draw_picture(looked)
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    for view in looked.views:
        assert find(picture, view.image)
    # What is drawn in the colours of the marks: axes, dots; and letters.
    rgb = picture[:, :, ::-1].astype(int)
    for colour in ((255, 90, 82), (61, 220, 108), (78, 161, 255), (255, 225, 77), (231, 237, 243)):
        assert (abs(rgb - colour).max(axis=2) < 12).sum() > 20


def test_other_faces_get_a_number_and_no_close_up(looked: LookedAt) -> None:
    boxes = np.vstack([looked.boxes_xywh_px, [[300.0, 300, 40, 40]]])
    two = replace(looked, boxes_xywh_px=boxes, faces=(*looked.faces, Rejected("timeout", "it took too long")))
    one, both = draw_picture(looked), draw_picture(two)
    assert one.shape == both.shape
    changed = (one != both).any(axis=2)
    rows, columns = np.nonzero(changed[:, : 22 + 420])
    scale = 420 / portrait().shape[0]
    assert columns.max() > 22 + 300 * scale and rows.max() > 22 + 300 * scale


@pytest.mark.parametrize("shape", [(3, 900), (900, 3), (1, 1)])
def test_photos_of_any_shape(looked: LookedAt, shape: tuple[int, int]) -> None:
    picture = draw_picture(replace(looked, photo=np.full((*shape, 3), 99, np.uint8), views=()))
    assert min(picture.shape[:2]) > 400
