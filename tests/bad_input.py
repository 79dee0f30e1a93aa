"""Every kind of bad input in one folder, with what must become of it: a reason code, or a pose (None)."""

import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.photos import FACE_XYWH_PX, jpeg_with_orientation, portrait


@dataclass(frozen=True)
class Case:
    name: str
    image: str
    box: tuple[object, object, object, object]
    reason: str | None


def write_cases(folder: Path) -> list[Case]:
    """Write the images of all cases and say what each must come to."""
    photo = portrait()
    width = photo.shape[1]
    x, y, w, h = FACE_XYWH_PX
    _, jpeg = cv2.imencode(".jpg", photo)
    whole = bytes(jpeg)
    images = {
        "good.jpg": whole,
        "empty.jpg": b"",
        "text.jpg": b"this is no picture\n" * 40,
        "truncated.jpg": whole[: len(whole) // 2],
        "no_end_marker.jpg": whole[:-2],
        "cmyk.jpg": _cmyk_jpeg(photo),
        "bomb.png": png_header(30_000, 30_000),
        # Turned to lie on its side, with a tag that tells viewers to turn it back: 6 is a quarter clockwise.
        "turned.jpg": jpeg_with_orientation(cv2.rotate(photo, cv2.ROTATE_90_COUNTERCLOCKWISE), 6),
    }
    for name, data in images.items():
        (folder / name).write_bytes(data)
    cv2.imwrite(str(folder / "sixteen.png"), photo.astype(np.uint16) * 257)
    cv2.imwrite(str(folder / "grey.png"), cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY))
    (folder / "folder.jpg").mkdir()
    face = FACE_XYWH_PX
    nan = float("nan")
    return [
        Case("good", "good.jpg", face, None),
        Case("missing", "missing.jpg", face, "image_missing"),
        Case("unnamed", "", face, "image_missing"),
        Case("nul", "good\0.jpg", face, "image_missing"),
        Case("long", "x" * 5000, face, "image_missing"),
        Case("folder", "folder.jpg", face, "image_unreadable"),
        Case("empty", "empty.jpg", face, "image_unreadable"),
        Case("text", "text.jpg", face, "image_unreadable"),
        Case("truncated", "truncated.jpg", face, "image_unreadable"),
        Case("no-end-marker", "no_end_marker.jpg", face, "image_unreadable"),
        Case("bomb", "bomb.png", face, "image_too_large"),
        Case("scheme", "nosuch://host/a.jpg", face, "image_not_allowed"),
        Case("cmyk", "cmyk.jpg", face, None),
        Case("sixteen-bit", "sixteen.png", face, None),
        Case("grey", "grey.png", face, None),
        Case("turned", "turned.jpg", face, None),
        Case("no-area", "good.jpg", (x, y, 0, h), "box_invalid"),
        Case("negative", "good.jpg", (x, y, -w, h), "box_invalid"),
        Case("nan", "good.jpg", (nan, y, w, h), "box_invalid"),
        Case("infinite", "good.jpg", (x, y, float("inf"), h), "box_invalid"),
        Case("huge", "good.jpg", (x, y, 1e6, 1e6), "box_invalid"),
        Case("outside", "good.jpg", (width + 50, y, w, h), "box_outside_image"),
        Case("beside", "good.jpg", (-w, y, w, h), "box_outside_image"),
        Case("half-outside", "good.jpg", (-w / 2, y, w, h), None),
    ]


def _cmyk_jpeg(photo: np.ndarray) -> bytes:
    # Pillow comes with scikit-image; OpenCV cannot write CMYK.
    buffer = io.BytesIO()
    Image.fromarray(photo[:, :, ::-1]).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims so many pixels and holds a few bytes of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
