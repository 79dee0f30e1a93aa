import cv2
import numpy as np
import pytest

from faceposenet import InputError, Picture, View, side_by_side
from tests.photos import portrait


def test_pixels_for_opencv_and_for_others() -> None:
    picture = Picture(portrait())
    np.testing.assert_array_equal(picture.rgb, cv2.cvtColor(portrait(), cv2.COLOR_BGR2RGB))
    with_alpha = cv2.cvtColor(portrait(), cv2.COLOR_BGR2BGRA)
    np.testing.assert_array_equal(Picture(with_alpha).rgb, cv2.cvtColor(with_alpha, cv2.COLOR_BGRA2RGBA))


def test_a_notebook_shows_its_pixels() -> None:
    png = np.frombuffer(Picture(portrait())._repr_png_(), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(png, cv2.IMREAD_UNCHANGED), portrait())


def test_it_is_saved_as_its_name_says(tmp_path) -> None:
    path = Picture(portrait()).save(tmp_path / "a.png")
    np.testing.assert_array_equal(cv2.imread(str(path)), portrait())
    assert Picture(portrait()).save(str(tmp_path / "a.jpg")).read_bytes().startswith(b"\xff\xd8")
    with pytest.raises(InputError, match=r"\.png, \.jpg or \.webp"):
        Picture(portrait()).save(tmp_path / "a.doc")
    with pytest.raises(FileNotFoundError):
        Picture(portrait()).save(tmp_path / "absent" / "a.png")


def test_names_without_pixels() -> None:
    assert repr(Picture(np.zeros((4, 6, 3), np.uint8))) == "Picture(6 x 4 px)"
    view = View(np.zeros((4, 4, 3), np.uint8), 22.0, False, 0.813, 0.1)
    assert repr(view) == "View(22 degrees, 81% seen)"


def test_side_by_side_is_as_high_as_the_highest() -> None:
    low, high = Picture(np.full((10, 20, 3), 50, np.uint8)), Picture(np.full((40, 20, 3), 90, np.uint8))
    joined = side_by_side([low, high]).image
    gap = joined.shape[1] - 80 - 20
    assert joined.shape == (40, 100 + gap, 3)
    assert (joined[:, :80] == 50).all()
    assert (joined[:, 80 : 80 + gap] == 255).all()
    assert (joined[:, 80 + gap :] == 90).all()
    assert side_by_side([low, high], height_px=5).image.shape[0] == 5
    np.testing.assert_array_equal(side_by_side([high]).image, high.image)


def test_side_by_side_keeps_what_is_transparent() -> None:
    clear = Picture(np.zeros((10, 10, 4), np.uint8))
    joined = side_by_side([clear, Picture(np.zeros((10, 10, 3), np.uint8))]).image
    assert joined.shape[2] == 4
    assert (joined[:, :10, 3] == 0).all()
    assert (joined[:, -10:, 3] == 255).all()
    with pytest.raises(InputError, match="no picture"):
        side_by_side([])
