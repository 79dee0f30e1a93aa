"""Headers of JPEGs, held against what OpenCV makes of the same bytes."""

import cv2
import numpy as np
import pytest

from faceposenet.photo.jpeg_header import JpegHeader, read_jpeg_header
from tests.photos import jpeg_with_orientation

XMP = b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta/>"


def picture(width: int = 61, height: int = 41) -> np.ndarray:
    """Pixels that look different in each of the eight orientations."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = 255
    image[: height // 2] //= 2
    return image


def plain() -> bytes:
    return bytes(cv2.imencode(".jpg", picture())[1])


def with_segments(*bodies: bytes, marker: int = 0xE1) -> bytes:
    data = plain()
    segments = [bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body for body in bodies]
    return data[:2] + b"".join(segments) + data[2:]


def exif(orientation: int, *, order: str = "little", kind: int = 3, count: int = 1, before: int = 0) -> bytes:
    """An EXIF block with `before` other entries ahead of the orientation."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)  # type: ignore[arg-type]

    entries = [
        number(tag, 2) + number(3, 2) + number(1, 4) + number(7, 2) + bytes(2)
        for tag in range(0x100, 0x100 + before)
    ]
    entries.append(number(0x0112, 2) + number(kind, 2) + number(count, 4) + number(orientation, 2) + bytes(2))
    start = b"II*\x00" if order == "little" else b"MM\x00*"
    directory = number(len(entries), 2) + b"".join(entries) + bytes(4)
    return b"Exif\x00\x00" + start + number(8, 4) + directory


def opencv_turns(data: bytes) -> int:
    """The orientation that OpenCV applies to the picture."""
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    for orientation in range(1, 9):
        turned = jpeg_with_orientation(picture(), orientation)
        if np.array_equal(cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR), shown):
            return orientation
    raise AssertionError("none of the eight")


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_and_upright_size_are_those_of_opencv(orientation: int, order: str) -> None:
    data = with_segments(exif(orientation, order=order, before=2))
    header = read_jpeg_header(data)
    assert header == JpegHeader((61, 41), orientation)
    assert opencv_turns(data) == orientation
    height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert header.upright_wh_px == (width, height)


@pytest.mark.parametrize(
    "data",
    [
        plain(),
        with_segments(XMP),
        with_segments(b"ab"),
        with_segments(exif(6)[6:]),  # no EXIF mark
        with_segments(exif(6), XMP),
        with_segments(b"Exif", marker=0xE2),
        with_segments(b"a comment", marker=0xFE),
    ],
    ids=["plain", "xmp", "short", "no mark", "exif and xmp", "other segment", "comment"],
)
def test_other_segments_change_nothing(data: bytes) -> None:
    header = read_jpeg_header(data)
    assert header is not None
    assert (header.stored_wh_px, header.orientation) == ((61, 41), opencv_turns(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        bytes(cv2.imencode(".png", picture())[1]),
        plain()[:40],
        with_segments(exif(6), exif(3)),
        with_segments(XMP, exif(6)),
        with_segments(exif(6, kind=4)),
        with_segments(exif(6, count=2)),
        with_segments(exif(0)),
        with_segments(exif(9)),
        with_segments(exif(6)[:20]),
        plain()[:2] + b"\xff" + plain()[2:],
    ],
)
def test_the_unusual_is_left_to_the_decoder(data: bytes) -> None:
    assert read_jpeg_header(data) is None


@pytest.mark.parametrize("flag", [cv2.IMWRITE_JPEG_PROGRESSIVE, cv2.IMWRITE_JPEG_OPTIMIZE])
def test_every_kind_of_frame_has_its_size(flag: int) -> None:
    data = bytes(cv2.imencode(".jpg", picture(300, 200), [flag, 1])[1])
    assert read_jpeg_header(data) == JpegHeader((300, 200), 1)
