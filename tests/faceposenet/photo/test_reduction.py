"""Reduced photos: where their pixels lie, and how far they may be reduced."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.decode import decode_photo
from faceposenet.photo.reduction import Needs
from faceposenet.photo.sizes import DEFAULT_LIMITS, PhotoLimits, SourceSize
from fpn_core import NetworkSpec, PoseNetwork
from tests.photos import jpeg_with_orientation, portrait


@pytest.fixture(scope="module")
def spec() -> NetworkSpec:
    """The network of the package, with a window of 1.5 boxes, from which the numbers below follow."""
    return replace(PoseNetwork(device="cpu").spec, crop_expand=0.25)


RENDERED = SourceSize(2.0, 196)


def needs_of(spec: NetworkSpec, source: SourceSize | None = RENDERED) -> Needs:
    """By default a renderer that takes 196 px of a window of two boxes, after a network of 112 px."""
    return Needs(spec, source)


def box(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x, y, side, side]], dtype=float)


@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_pixel_lies_where_the_photo_says(
    spec: NetworkSpec, orientation: int, reduction: int
) -> None:
    # Columns and rows are told by colour, in a picture whose sides leave a rest at every reduction.
    width, height = 505, 493
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    stored = np.stack([x / 2, y / 2, np.full_like(x, 128)], axis=-1).astype(np.uint8)
    data = jpeg_with_orientation(stored, orientation)
    whole = decode_photo(data, DEFAULT_LIMITS, box(0, 0, 400), None)
    # The network alone, for a face that is just large enough: 1.5 x 400 px are 112 px x 5.4.
    small = replace(spec, size_px=600 // reduction)
    reduced = decode_photo(data, DEFAULT_LIMITS, box(50, 50, 400), needs_of(small, None))
    assert whole.reduction == 1
    assert reduced.reduction == reduction
    assert reduced.wh_px == whole.wh_px == whole.pixels.shape[1::-1]

    rows, columns = reduced.pixels.shape[:2]
    points = np.stack([*np.meshgrid(np.arange(columns), np.arange(rows)), np.ones((rows, columns))])
    full = np.einsum("ij,jhw->ihw", np.linalg.inv(reduced.full_to_pixels), points).astype(np.float32)
    # Averages around the places where the reduced pixels claim to lie.
    averages = cv2.blur(whole.pixels.astype(np.float32), (15, 15))
    told = cv2.remap(averages, full[0], full[1], cv2.INTER_LINEAR)
    inner = slice(5, -5)
    error = (told - reduced.pixels)[inner, inner, :2].mean(axis=(0, 1))
    # A level is two pixels: the least error that there can be, half a pixel of the full size, is 0.25.
    assert np.abs(error).max() < 0.1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_and_windows_go_to_the_reduced_photo_and_back(spec: NetworkSpec, orientation: int) -> None:
    data = jpeg_with_orientation(cv2.resize(portrait(), (1021, 1011)), orientation)
    photo = decode_photo(data, DEFAULT_LIMITS, box(300, 300, 400), needs_of(spec))
    assert photo.reduction == 4
    x, y, width, height = photo.box_to_pixels(np.array([100.0, 60.0, 40.0, 44.0]))
    offset_x, offset_y = photo.offset_xy_px
    assert (x, y, width, height) == ((100 + offset_x) / 4, (60 + offset_y) / 4, 10.0, 11.0)
    window = photo.window_to_full(np.array([-2, 3, 30, 35]))
    assert window.tolist() == [-8 - offset_x, 12 - offset_y, 120 - offset_x, 140 - offset_y]
    # The corner of a box is an edge of pixels, half a pixel before the first one's centre.
    corner = photo.full_to_pixels @ (100 - 0.5, 60 - 0.5, 1)
    np.testing.assert_allclose(corner[:2], [x - 0.5, y - 0.5])


@pytest.mark.parametrize(
    ("boxes", "source", "expected"),
    [
        ([(400, 400, 140, 140)], RENDERED, 1),
        ([(400, 400, 160, 160)], None, 2),
        ([(400, 400, 600, 600)], None, 8),
        ([(400, 400, 600, 600)], RENDERED, 4),  # a source window of 1,200 px is 6 times 196
        ([(400, 400, 600, 600)], SourceSize(2.0, 392), 2),
        ([(400, 400, 600, 600)], SourceSize(2.0, 896), 1),
        ([(400, 400, 600, 600), (20, 20, 160, 160)], None, 2),  # the smallest face decides
        ([(400, 400, 600, 600), (5000, 20, 60, 60)], RENDERED, 4),  # a box outside has no face
        ([(5000, 20, 60, 60)], RENDERED, 1),
        ([(-1100, 600, 1200, 1200)], SourceSize(1.0, 196), 4),  # only what lies in the photo counts
        ([(-1150, -1150, 1200, 1200)], SourceSize(1.0, 196), 1),
        ([(0, 0, 90000, 90000)], RENDERED, 1),  # too large for a crop, which is told at the full size
    ],
)
def test_a_photo_is_reduced_as_far_as_its_smallest_face_allows(
    spec: NetworkSpec, boxes: list, source: SourceSize | None, expected: int
) -> None:
    needs = needs_of(spec, source)
    assert needs.reduction((2000, 1500), np.array(boxes, dtype=float)) == expected


def test_a_crop_that_is_not_made_of_averages_gets_the_whole_photo(spec: NetworkSpec) -> None:
    needs = needs_of(replace(spec, crop_interpolation="cubic"), None)
    assert needs.reduction((2000, 1500), box(400, 400, 600)) == 1


def test_other_formats_and_unusual_jpegs_are_not_reduced(spec: NetworkSpec) -> None:
    image = cv2.resize(portrait(), (1021, 1011))
    for data in (bytes(cv2.imencode(".png", image)[1]), jpeg_with_orientation(image, 9)):
        photo = decode_photo(data, DEFAULT_LIMITS, box(300, 300, 400), needs_of(spec))
        assert (photo.reduction, photo.pixels.shape) == (1, (1011, 1021, 3))
        np.testing.assert_array_equal(photo.full_to_pixels, np.eye(3))


def test_the_limit_on_pixels_is_that_of_the_full_size(spec: NetworkSpec) -> None:
    data = jpeg_with_orientation(cv2.resize(portrait(), (1021, 1011)), 1)
    with pytest.raises(FaceRejectedError, match=r"1021 x 1011 px is more than images\.max_pixels = 1000000"):
        decode_photo(data, PhotoLimits(max_pixels=1_000_000), box(300, 300, 400), needs_of(spec))


def test_a_truncated_jpeg_is_no_photo_at_any_size(spec: NetworkSpec) -> None:
    data = jpeg_with_orientation(cv2.resize(portrait(), (1021, 1011)), 1)
    with pytest.raises(FaceRejectedError, match="truncated"):
        decode_photo(data[: len(data) // 2], DEFAULT_LIMITS, box(300, 300, 400), needs_of(spec))
