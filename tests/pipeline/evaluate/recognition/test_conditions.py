import numpy as np
import pytest

from pipeline.evaluate.recognition.conditions import CONDITIONS, spoil, turned


@pytest.mark.parametrize("angle_deg", [0.0, 60.0, 90.0, 135.0, 180.0, -70.0])
def test_the_box_goes_with_the_face(angle_deg: float) -> None:
    photo = np.zeros((100, 160, 3), np.uint8)
    photo[20:40, 100:130] = 255
    image, box = turned(photo, np.array([100.0, 20.0, 30.0, 20.0]), angle_deg)
    rows, columns = np.nonzero(image[..., 0] > 128)
    centre = [columns.mean() + 0.5, rows.mean() + 0.5]
    np.testing.assert_allclose(box[:2] + box[2:] / 2, centre, atol=0.7)
    # No pixel of the photo is lost.
    assert (image > 128).sum() == pytest.approx((photo > 128).sum(), rel=0.05)


def test_every_condition_keeps_the_face_in_the_photo() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    box = np.array([20.0, 30.0, 50.0, 60.0])
    for condition in CONDITIONS:
        image, found = spoil(condition, photo, box, 3)
        assert image.dtype == np.uint8
        assert (found[:2] >= 0).all()
        assert (found[:2] + found[2:] <= [image.shape[1], image.shape[0]]).all()
        if condition == "20 px":
            assert found[2:].max() == pytest.approx(20, abs=0.5)


def test_a_face_is_turned_the_same_way_every_time() -> None:
    photo, box = np.full((50, 50, 3), 9, np.uint8), np.array([10.0, 10.0, 20.0, 20.0])
    one, other = (spoil("turned 60-180", photo, box, 7)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert spoil("turned 60-180", photo, box, 8)[0].shape != one.shape
