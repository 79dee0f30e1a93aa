import io
import random
import struct

import pytest
from PIL import Image, features

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.declared import declared_size
from faceposenet.photo.decode import decode_image
from faceposenet.reasons import Reason

LIMIT = 2**27
FORMATS = [
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {"progressive": True}),
    ("PNG", "RGB", {}),
    ("GIF", "P", {}),
    ("BMP", "RGB", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "L", {"compression": "tiff_lzw"}),
    ("PPM", "RGB", {}),
    ("JPEG2000", "RGB", {}),
    ("JPEG2000", "RGB", {"no_jp2": True}),
    ("AVIF", "RGB", {}),
]
AVAILABLE = [
    case
    for case in FORMATS
    if case[0] not in ("JPEG2000", "AVIF") or features.check("avif" if case[0] == "AVIF" else "jpg_2000")
]


def encoded(kind: str, mode: str, options: dict, wh_px: tuple[int, int] = (73, 41)) -> bytes:
    file = io.BytesIO()
    Image.new(mode, wh_px).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "mode", "options"), AVAILABLE)
def test_every_format_declares_its_size(kind: str, mode: str, options: dict) -> None:
    data = encoded(kind, mode, options)
    declared = declared_size(data)
    assert declared is not None
    assert declared.wh_px == (73, 41)
    assert decode_image(data, 73 * 41 * 4).shape == (41, 73, 3)
    with pytest.raises(
        FaceRejectedError, match=r"73 x 41 px is more than images\.max_pixels = 2992"
    ) as raised:
        decode_image(data, 73 * 41 - 1)
    assert raised.value.reason == Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize(("kind", "mode", "options"), AVAILABLE)
def test_damaged_headers_are_left_to_the_decoder(kind: str, mode: str, options: dict) -> None:
    data, rng = encoded(kind, mode, options), random.Random(0)
    for _ in range(300):
        damaged = bytearray(data[: rng.randrange(len(data) + 1)])
        for _ in range(min(len(damaged), rng.randrange(4))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        declared_size(bytes(damaged))


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow is built without JPEG 2000")
def test_a_small_file_with_a_big_decode_is_a_reject_before_it_is_decoded() -> None:
    small = encoded("JPEG2000", "RGB", {})
    at = small.find(b"\xff\x4f\xff\x51")
    large = small[: at + 8] + struct.pack(">II", 10_000, 10_000) + small[at + 16 :]
    assert len(large) < 2000
    with pytest.raises(FaceRejectedError, match="10000 x 10000 px of this format take 1430 MB") as raised:
        decode_image(large, LIMIT)
    assert raised.value.reason == Reason.IMAGE_TOO_LARGE


def test_what_is_no_image_declares_nothing() -> None:
    for data in (b"", b"text", b"\0\0\0\x18ftypheic", b"RIFF....WAVE", b"P5 x", b"BM"):
        assert declared_size(data) is None
