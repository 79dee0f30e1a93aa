"""Sizes in headers, against what decoders find; and that nothing is decoded beyond the limits."""

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.declared import check_declared_size, declared_size
from faceposenet.photo.decode import decode_image
from faceposenet.photo.sizes import DEFAULT_LIMITS, PhotoLimits
from tests.photos import jpeg_with_orientation

ROOT = Path(__file__).parents[3]
WIDTH, HEIGHT = 60, 41
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def by_opencv(ending: str, pixels: np.ndarray = PIXELS, options: tuple[int, ...] = ()) -> bytes:
    done, data = cv2.imencode(ending, pixels, options)
    assert done
    return data.tobytes()


def by_pillow(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[:, :, ::-1]).save(buffer, kind, **options)
    return buffer.getvalue()


def with_xmp(jpeg: bytes) -> bytes:
    """A JPEG of two APP1 segments, whose orientation is in doubt, and of fill bytes between segments."""
    block = b"http://ns.adobe.com/xap/1.0/\0<x/>"
    segment = b"\xff\xff\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    return jpeg[:2] + segment + segment + jpeg[2:]


FILES = {
    "jpeg": by_opencv(".jpg"),
    "jpeg, progressive": by_opencv(".jpg", options=(cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "jpeg, turned": jpeg_with_orientation(PIXELS, 6),
    "jpeg, unusual": with_xmp(by_opencv(".jpg")),
    "png": by_opencv(".png"),
    "png of 16 bits": by_opencv(".png", PIXELS.astype(np.uint16)),
    "webp": by_opencv(".webp", options=(cv2.IMWRITE_WEBP_QUALITY, 80)),
    "webp, lossless": by_opencv(".webp"),
    "webp, extended": by_pillow("WEBP", exif=Image.Exif().tobytes() + b"\0" * 8),
    "gif": by_pillow("GIF"),
    "bmp": by_opencv(".bmp"),
    "tiff": by_opencv(".tiff"),
    "tiff, large end first": by_pillow("TIFF", big_tiff=False),
    "bigtiff": by_pillow("TIFF", big_tiff=True),
    "jp2": by_opencv(".jp2"),
    "jpeg 2000 codestream": by_pillow("JPEG2000", no_jp2=True),
    "avif": by_opencv(".avif"),
    "ppm": by_opencv(".ppm"),
    "pam": by_opencv(".pam"),
    "pfm": by_opencv(".pfm", PIXELS.astype(np.float32)),
    "hdr": by_opencv(".hdr", PIXELS.astype(np.float32)),
    "sun raster": by_opencv(".ras"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_declared_size_is_that_of_the_decoded_picture(name: str) -> None:
    declared = declared_size(FILES[name])
    assert declared is not None
    assert declared.wh_px == (WIDTH, HEIGHT)
    upright = decode_image(FILES[name], DEFAULT_LIMITS).shape[:2]
    assert sorted(upright) == sorted((WIDTH, HEIGHT))


@pytest.mark.parametrize("name", FILES)
def test_a_picture_beyond_the_limit_is_not_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    limits = PhotoLimits(max_pixels=WIDTH * HEIGHT - 1)
    with pytest.raises(FaceRejectedError, match="image_too_large: 60 x 41 px is more than"):
        decode_image(FILES[name], limits)


@pytest.mark.parametrize("name", FILES)
def test_headers_that_are_cut_off_or_damaged_declare_nothing_that_breaks(name: str) -> None:
    data = FILES[name]
    for length in range(min(len(data), 400)):
        declared_size(data[:length])
    rng = np.random.default_rng(1)
    for _ in range(200):
        broken = bytearray(data[:400])
        for at in rng.integers(2, len(broken), 6):
            broken[at] = int(rng.integers(256))
        declared_size(bytes(broken))


def test_what_is_not_a_picture_declares_nothing() -> None:
    for data in (
        *(b"", b"text", b"\xff\xd8", b"BM", b"II*\0", b"P6\n", b"P5 x", bytes(100)),
        *(b"\0\0\0\x18ftypheic", b"RIFF....WAVE"),
    ):
        assert declared_size(data) is None


def test_many_components_count_as_memory() -> None:
    codestream = bytearray(FILES["jpeg 2000 codestream"])
    for at, value in ((8, 8000), (12, 8000)):
        codestream[at : at + 4] = value.to_bytes(4, "big")
    check_declared_size(bytes(codestream), DEFAULT_LIMITS)
    codestream[40:42] = (100).to_bytes(2, "big")
    with pytest.raises(FaceRejectedError, match="8000 x 8000 px of this format take 24597 MB to decode"):
        check_declared_size(bytes(codestream), DEFAULT_LIMITS)


def test_a_bomb_takes_no_memory_even_where_opencv_was_imported_without_its_limit(tmp_path: Path) -> None:
    code = (
        "import cv2, resource, sys\n"
        "import faceposenet\n"
        "from tests.bad_input import png_header\n"
        "open(sys.argv[1], 'wb').write(png_header(12_000, 12_000))\n"
        "poser = faceposenet.FacePoser(device='cpu', cache_dir=None)\n"
        "loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "(face,) = poser.pose_batch(sys.argv[1], [[10, 10, 50, 50]])\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - loaded\n"
        "print(face.reason, grown // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bomb.png")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    reason, grown_mb = done.stdout.split()
    assert reason == "image_too_large"
    assert int(grown_mb) < 20
