"""Photos to measure with: our own heads, shaded and coloured, so that nothing has to be downloaded.

The content of a picture hardly changes its cost; it has a face that the network finds, edges, and the
fine noise of a camera, which is most of what a JPEG decoder has to read.
"""

from pathlib import Path

import cv2
import numpy as np

from faceposenet import defaults
from render_core.heads import load_head
from render_core.heads.gallery import shade
from render_core.heads.mesh import HeadMesh

PHOTO_PX = 250
MOST_PHOTOS = 128
_YAWS_DEG = (-45.0, -15.0, 10.0, 30.0)
_SHADED_PX = 240
# Span of a shaded picture, and where the face is in the head, from the picture's middle: see
# `render_core.heads.gallery`.
_SPAN_MM, _FACE_BELOW_MM, _FACE_BEFORE_MM = 250.0, 18.0, 55.0
# Eyebrows to chin of an adult, about the side of a detector's box.
_FACE_MM = 115.0
_QUALITY = 95


def write_photos(folder: Path, faces: int, size_px: int = PHOTO_PX) -> Path:
    """Writes at most 128 square photos of one face each, and a list of `faces` faces that repeats them.

    Faces fill a quarter to a half of the photo's side, turned and rolled at random but always alike.

    Gives the list, as `FILE,x,y,w,h`.
    """
    rng = np.random.default_rng(0)
    head = load_head(defaults.HEAD)
    shaded = [_turned(head, yaw_deg) for yaw_deg in _YAWS_DEG]
    lines = []
    for number in range(min(MOST_PHOTOS, faces)):
        photo, box_xywh_px = _photo(*shaded[number % len(shaded)], rng, size_px)
        cv2.imwrite(str(folder / f"{number}.jpg"), photo, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        lines.append(f"{number}.jpg," + ",".join(f"{value:.2f}" for value in box_xywh_px) + "\n")
    manifest = folder / "faces.txt"
    manifest.write_text("".join(lines[n % len(lines)] for n in range(faces)))
    return manifest


def _turned(head: HeadMesh, yaw_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """A shaded head and the middle of its face in the picture, x and y."""
    # Positive yaw turns the face to the image left.
    x_mm = -_FACE_BEFORE_MM * np.sin(np.deg2rad(yaw_deg))
    centre = _SHADED_PX * (0.5 + np.array([x_mm, _FACE_BELOW_MM]) / _SPAN_MM)
    return shade(head, yaw_deg, _SHADED_PX), centre


def _photo(
    shaded: np.ndarray, centre: np.ndarray, rng: np.random.Generator, size_px: int
) -> tuple[np.ndarray, list[float]]:
    """A photo with a head, shrunk and rolled, whose face is in the middle; and the face's box."""
    side_px = size_px * rng.uniform(0.25, 0.5)
    scale = side_px / (_FACE_MM / _SPAN_MM * _SHADED_PX)
    turn = cv2.getRotationMatrix2D(centre.tolist(), rng.uniform(-30, 30), scale)
    turn[:, 2] += size_px / 2 - centre
    size = (size_px, size_px)
    face = cv2.warpAffine(shaded, turn, size, borderValue=(255, 255, 255))
    coarse = rng.integers(60, 160, (5, 5, 3)).astype(np.uint8)
    behind = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    paper = (face == 255).all(axis=2, keepdims=True)
    noise = rng.normal(0, 3, (size_px, size_px, 1))
    photo = np.clip(np.where(paper, behind, face * np.array([0.75, 0.85, 1.0])) + noise, 0, 255)
    corner = (size_px - side_px) / 2
    return photo.astype(np.uint8), [corner, corner, side_px, side_px]
