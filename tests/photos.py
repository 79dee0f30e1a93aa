"""Photos for tests: the public-domain portrait inside scikit-image, and its face."""

from pathlib import Path

import cv2
import numpy as np
from skimage import data

FACE_XYWH_PX = (176.0, 72.0, 92.0, 113.0)


def portrait() -> np.ndarray:
    """The astronaut Eileen Collins, BGR, uint8 (512, 512, 3)."""
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


def write_portrait(path: Path) -> Path:
    """The portrait as a JPEG."""
    cv2.imwrite(str(path), portrait(), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return path


def jpeg_with_orientation(image: np.ndarray, orientation: int) -> bytes:
    """A JPEG of the pixels as given, with an EXIF tag that says how a viewer has to turn them."""
    _, jpeg = cv2.imencode(".jpg", image)
    # TIFF header, little-endian: one directory entry, tag 0x0112 (orientation), type SHORT, count 1.
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00"
    tiff += orientation.to_bytes(2, "little") + b"\x00\x00" + b"\x00\x00\x00\x00"
    payload = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
    return bytes(jpeg[:2]) + segment + bytes(jpeg[2:])
