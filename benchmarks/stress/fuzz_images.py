"""Broken image files: every format that OpenCV writes here, damaged in the ways that files are."""

import random
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from soak_inputs import portrait

# Numbers that are easily found in the bytes of a header.
WIDTH_PX, HEIGHT_PX = 83, 97
FACE_XYWH_PX = (20.0, 10.0, 40.0, 48.0)
_SUFFIXES = (
    *(".jpg", ".png", ".bmp", ".tiff", ".webp", ".gif", ".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pam"),
    *(".pfm", ".ras", ".hdr", ".exr"),
)

Mutation = Callable[[bytes, random.Random], bytes]


def whole_files() -> dict[str, bytes]:
    """Suffix -> a small photo in that format, for the formats that this OpenCV can write."""
    photo = cv2.resize(portrait()[40:240, 140:310], (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    files = {suffix: data for suffix in _SUFFIXES if (data := _encoded(suffix, photo))}
    files["16.png"] = _encoded(".png", photo.astype(np.uint16) * 257)
    files["rgba.png"] = _encoded(".png", cv2.cvtColor(photo, cv2.COLOR_BGR2BGRA))
    return files


def _encoded(suffix: str, photo: np.ndarray) -> bytes:
    if suffix in {".pgm", ".pbm"}:
        photo = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    if suffix in {".pfm", ".hdr", ".exr"}:
        photo = photo.astype(np.float32) / 255
    try:
        done, data = cv2.imencode(suffix, photo)
    except cv2.error:
        return b""
    return bytes(data) if done else b""


def damaged(files: dict[str, bytes], rng: random.Random) -> tuple[str, str, bytes]:
    """A format, the name of a mutation, and what it made of the format's file."""
    suffix = rng.choice(sorted(files))
    name = rng.choice(sorted(MUTATIONS))
    if name == "spliced":
        other = files[rng.choice(sorted(files))]
        head = files[suffix][: rng.randrange(4, 200)]
        return suffix, name, head + other[rng.randrange(0, 200) :]
    data = MUTATIONS[name](files[suffix], rng)
    if name == "giant" and suffix.endswith("png"):
        data = _with_right_checksum(data)
    return suffix, name, data


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    # Half of the time in the header, where it hurts.
    reach = len(data) if rng.random() < 0.5 else min(len(data), 120)
    for _ in range(rng.choice((1, 2, 8, 64))):
        changed[rng.randrange(reach)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _giant(data: bytes, rng: random.Random) -> bytes:
    """Every number in the header that could be the width or height, replaced by a huge one."""
    huge = rng.choice((0, 1, 9_999, 30_000, 65_535, 100_000, 2**24, 2**31 - 1, 2**32 - 1))
    head, rest = data[:200], data[200:]
    for value in (WIDTH_PX, HEIGHT_PX):
        if rng.random() < 0.8:
            for kind in (">I", "<I", ">H", "<H"):
                new = struct.pack(kind, huge % 2 ** (8 * struct.calcsize(kind)))
                head = head.replace(struct.pack(kind, value), new, 1)
            head = head.replace(str(value).encode(), str(huge).encode(), 1)
    return head + rest


def _with_right_checksum(png: bytes) -> bytes:
    header = png[12:29]
    return png[:29] + zlib.crc32(header).to_bytes(4, "big") + png[33:]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    begin, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:end] + data[begin:end] * rng.randrange(1, 4) + data[end:]


def _blot(data: bytes, rng: random.Random) -> bytes:
    begin = rng.randrange(len(data))
    length = rng.randrange(1, 400)
    filling = bytes([rng.choice((0, 255))]) * length if rng.random() < 0.5 else rng.randbytes(length)
    return data[:begin] + filling + data[begin + length :]


MUTATIONS: dict[str, Mutation] = {
    "none": lambda data, rng: data,
    "flipped": _flip,
    "truncated": lambda data, rng: data[: rng.randrange(len(data))],
    "spliced": lambda data, rng: data,  # see `damaged`
    "giant": _giant,
    "repeated": _repeat,
    "blotted": _blot,
    "cut out": lambda data, rng: (
        data[: (at := rng.randrange(len(data)))] + data[at + rng.randrange(1, 300) :]
    ),
    "noise": lambda data, rng: data[: rng.randrange(12)] + rng.randbytes(rng.randrange(500)),
    "appended": lambda data, rng: data + rng.randbytes(rng.randrange(2000)),
}
