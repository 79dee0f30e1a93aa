"""Windows, pixels and maps of the crop, held to the goldens of the reference and to its odd cases."""

import csv

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpn_core.crop import (
    crop_to_image,
    crop_windows,
    extract_crop,
    image_to_crop,
    jpeg_roundtrip,
    valid_boxes,
)
from fpn_core.errors import BoxError

PHOTOS = [f"subject{i}_a" for i in range(1, 11)]


@pytest.fixture(scope="module")
def goldens(reference):
    return reference.npz("goldens/preprocess.npz")


@pytest.fixture(scope="module")
def photos(reference):
    with reference.path("reference/input.csv").open() as rows:
        return {
            row["ID"]: cv2.imread(str(reference.path("reference/" + row["FILE"])))
            for row in csv.DictReader(rows)
        }


def golden_window_in_image(goldens, name):
    """The reference's window is in the padded image: take its left and top padding back."""
    left, top = goldens[name + "/fillings"][:2]
    return goldens[name + "/window"] - [left, top, left, top]


def test_windows_equal_the_reference_in_one_batch(goldens):
    boxes = np.stack([goldens[name + "/bbox_in"] for name in PHOTOS])
    expected = np.stack([golden_window_in_image(goldens, name) for name in PHOTOS])
    assert (expected < 0).any(), "no golden with padding"
    np.testing.assert_array_equal(crop_windows(boxes), expected)


@pytest.mark.parametrize("name", PHOTOS)
def test_crops_equal_the_reference_byte_for_byte(name, goldens, photos):
    crop = extract_crop(photos[name], golden_window_in_image(goldens, name), 227, "cubic")
    np.testing.assert_array_equal(crop, goldens[name + "/crop"])
    np.testing.assert_array_equal(jpeg_roundtrip(crop), goldens[name + "/crop_after_jpeg"])


@pytest.mark.parametrize("name", PHOTOS)
def test_maps_equal_the_reference(name, goldens):
    window = golden_window_in_image(goldens, name)[None]
    np.testing.assert_allclose(
        crop_to_image(window, 227)[0], goldens[name + "/affine_crop_to_image"], atol=1e-12
    )
    np.testing.assert_allclose(
        image_to_crop(window, 227)[0], goldens[name + "/affine_image_to_crop"], atol=1e-12
    )


def reference_window(box, image_wh):
    """The reference's steps for one box, slowly: padded window, moved back, and the slice it really takes."""
    x, y, w, h = box
    centre, side = ((x + x + w) / 2, (y + y + h) / 2), max(w, h)
    square = np.array(
        [centre[0] - side / 2, centre[1] - side / 2, centre[0] + side / 2, centre[1] + side / 2]
    )
    square = square.astype(np.float32)
    sides = square[2:] - square[:2]
    red = np.concatenate([square[:2] - sides * np.float32(0.25), square[:2] + sides * np.float32(1.25)])
    before = [int(np.ceil(-edge)) if edge < 0 else 0 for edge in red[:2]]
    after = [int(np.ceil(e - n + 1)) if e > n - 1 else 0 for e, n in zip(red[2:], image_wh, strict=True)]
    moved = np.array([*before, *before])
    padded = np.ceil((red + moved).astype(np.float32))
    side = max(padded[2] - padded[0], padded[3] - padded[1])
    window = np.array([padded[0], padded[1], padded[0] + side, padded[1] + side]).astype(int)
    padded_wh = [n + b + a for n, b, a in zip(image_wh, before, after, strict=True)]
    sliced = np.concatenate([window[:2], np.minimum(window[2:], padded_wh)])
    return window - moved, sliced - moved


@given(
    st.floats(-2000, 4000),
    st.floats(-2000, 4000),
    st.floats(0.01, 3000),
    st.floats(0.01, 3000),
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
)
def test_windows_equal_the_reference_on_any_box_and_are_never_cut_short(x, y, w, h, image_wh):
    expected, sliced = reference_window((x, y, w, h), image_wh)
    np.testing.assert_array_equal(sliced, expected)
    np.testing.assert_array_equal(crop_windows(np.array([[x, y, w, h]]))[0], expected)


@pytest.mark.parametrize(
    ("box", "window"),
    [
        # The left edge is 25.0000001, which float64 would round up to 26; in float32 it is 25.
        ([50.0 + 1e-7, 50.0, 100.0, 100.0], [25, 25, 175, 175]),
        # The right edge is 160.00002; moved by the padding of 158 px it is 318 exactly, as float32 is
        # coarser there.
        ([-104.999984, -104.999984, 212.0, 212.0], [-157, -157, 160, 160]),
    ],
)
def test_edges_are_rounded_where_float32_rounds_them(box, window):
    assert crop_windows(np.array([box])).tolist() == [window]
    assert reference_window(box, (400, 400))[0].tolist() == window


def test_four_shares_expand_each_side_by_itself():
    box = np.array([[100.0, 100.0, 40.0, 40.0]])
    assert crop_windows(box, (0.5, 0.25, 0.0, 0.75)).tolist() == [[80, 90, 160, 170]]


@pytest.mark.parametrize(
    "bad",
    [[np.nan, 0, 9, 9], [0, np.inf, 9, 9], [0, 0, 0, 9], [0, 0, 9, -1], [0, 0, 1e9, 9], [-1e9, 0, 9, 9]],
)
def test_bad_box_is_found_by_mask_and_named_by_error(bad):
    boxes = np.array([[0.0, 0, 9, 9], bad])
    assert valid_boxes(boxes).tolist() == [True, False]
    with pytest.raises(BoxError, match="box 1 of 2"):
        crop_windows(boxes)


def test_no_boxes_give_no_windows():
    assert crop_windows(np.zeros((0, 4))).shape == (0, 4)


def test_outside_the_image_is_black():
    image = np.full((20, 30, 3), 200, np.uint8)
    crop = extract_crop(image, np.array([-10, -10, 10, 10]), 20, "linear")
    assert (crop[:10] == 0).all() and (crop[:, :10] == 0).all() and (crop[10:, 10:] == 200).all()
    assert not extract_crop(image, np.array([40, 0, 50, 10]), 20, "area").any()


@pytest.mark.parametrize("window", [[5, 5, 5, 9], [9, 5, 5, 9], [0, 0, 74, 74], [0, 0, 10**6, 10**6]])
def test_window_without_pixels_or_out_of_all_proportion_is_refused(window):
    image = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(BoxError, match="expected a window of 1 to 5400 px"):
        extract_crop(image, np.array(window), 20)


def test_largest_window_is_cropped():
    image = np.full((20, 30, 3), 255, np.uint8)
    assert extract_crop(image, np.array([-5, -5, 68, 68]), 10, "area").any()


def test_maps_are_inverse_and_carry_pixel_corners():
    windows = np.array([[3, -7, 103, 93], [0, 0, 227, 227]])
    there, back = crop_to_image(windows, 50), image_to_crop(windows, 50)
    np.testing.assert_allclose(there @ back, np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-12)
    # The outer corner of the first pixel is half a pixel before its centre, on both sides of the map.
    np.testing.assert_allclose(there @ [-0.5, -0.5, 1], [[2.5, -7.5, 1], [-0.5, -0.5, 1]])
