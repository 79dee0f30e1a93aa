import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps, features

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.avif import AvifError, is_avif, is_heic, read_avif_header
from faceposenet.photo.decode import decode_image
from faceposenet.photo.sizes import DEFAULT_LIMITS
from faceposenet.reasons import Reason

WITHOUT_AVIF = not features.check("avif") or not cv2.haveImageWriter("x.avif")
pytestmark = pytest.mark.skipif(WITHOUT_AVIF, reason="Pillow or OpenCV is built without AVIF")


def corners() -> np.ndarray:
    """A picture that no turn and no mirror leaves as it is; RGB."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :20], picture[30:, 40:], picture[:10, 50:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return picture


def encoded(kind: str, orientation: int, **options: object) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    file = io.BytesIO()
    Image.fromarray(corners()).save(file, kind, exif=exif, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_as_viewers_show_it_whatever_its_format(kind: str, orientation: int) -> None:
    data = encoded(kind, orientation, **({} if kind in ("PNG", "TIFF") else {"quality": 95}))
    shown = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))[..., ::-1]
    found = decode_image(data, DEFAULT_LIMITS)
    assert found.shape == shown.shape
    assert np.abs(found.astype(int) - shown).mean() < 12


def test_the_header_has_size_and_alpha() -> None:
    header = read_avif_header(encoded("AVIF", 6))
    assert (header.stored_wh_px, header.turns, header.has_alpha) == ((64, 48), (("irot", 3),), False)
    file = io.BytesIO()
    Image.new("RGBA", (10, 20), (1, 2, 3, 4)).save(file, "AVIF")
    assert read_avif_header(file.getvalue()).has_alpha


def test_boxes_that_cannot_be_followed_are_a_reject_and_no_guess() -> None:
    data = encoded("AVIF", 6)
    for damaged in (data.replace(b"ipma", b"ipmx"), data.replace(b"ispe", b"ispx"), data[:60]):
        with pytest.raises(AvifError):
            read_avif_header(damaged)
        with pytest.raises(FaceRejectedError, match="AVIF whose orientation cannot be told") as raised:
            decode_image(damaged, DEFAULT_LIMITS)
        assert raised.value.reason == Reason.IMAGE_UNREADABLE


def test_damaged_boxes_never_end_in_another_error() -> None:
    data = encoded("AVIF", 6)
    rng = np.random.default_rng(0)
    end = data.find(b"mdat")
    for _ in range(2000):
        damaged = bytearray(data)
        for at in rng.integers(0, end, rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        try:
            read_avif_header(bytes(damaged))
        except AvifError:
            continue


def test_formats_that_are_not_read_are_named() -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
    assert is_heic(heic)
    assert not is_avif(heic)
    for data, name in ((heic, "HEIC"), (b"\xff\x0a" + bytes(40), "JPEG XL")):
        with pytest.raises(FaceRejectedError, match=f"{name}, which OpenCV does not read"):
            decode_image(data, DEFAULT_LIMITS)
