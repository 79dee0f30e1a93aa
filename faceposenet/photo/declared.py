"""What an encoded image says of itself before it is decoded: how large it is, and what decoding it takes.

A file of two kilobytes can decode to gigabytes. Sizes are read from the headers of the formats: PNG (IHDR),
JPEG (SOF), GIF and BMP (fixed places), WebP (VP8, VP8L, VP8X), TIFF (tags 256 and 257), JPEG 2000 (SIZ), AVIF
(ispe), PNM. A format that is not among them, or a header that is not in order, is left to the decoder.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from faceposenet.photo.avif import AvifError, is_avif, read_avif_header

# Peak bytes a pixel of OpenCV 5.0's decoders, measured with pictures of 4096 x 4096 px: 6 to 10 for JPEG,
# PNG, WebP, TIFF, BMP, GIF and PNM; JPEG 2000 takes 4 a component and 3; AVIF 17, or 34 with alpha.
USUAL_BYTES_PER_PIXEL = 10
_AVIF_BYTES, _AVIF_ALPHA_BYTES = 17, 34
_PNM = re.compile(rb"P[1-7]\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s")
_SIZ = b"\xff\x4f\xff\x51"


@dataclass(frozen=True)
class DeclaredSize:
    """Size of a picture by its header."""

    wh_px: tuple[int, int]
    bytes_per_pixel: int = USUAL_BYTES_PER_PIXEL
    """What its decoder takes at most."""

    @property
    def pixels(self) -> int:
        return self.wh_px[0] * self.wh_px[1]


def declared_size(data: bytes) -> DeclaredSize | None:
    """The size in the header of an encoded image, or None where none is found.

    Example:
        declared_size(Path("photo.png").read_bytes())  # DeclaredSize(wh_px=(640, 480), ...)
    """
    for magic, read in _READERS:
        if data.startswith(magic):
            try:
                return read(data)
            except (struct.error, IndexError, ValueError, AvifError):
                return None
    return None


def _png(data: bytes) -> DeclaredSize:
    return DeclaredSize(struct.unpack(">II", data[16:24]))


def _gif(data: bytes) -> DeclaredSize:
    return DeclaredSize(struct.unpack("<HH", data[6:10]))


def _bmp(data: bytes) -> DeclaredSize:
    if int.from_bytes(data[14:18], "little") == 12:
        return DeclaredSize(struct.unpack("<HH", data[18:22]))
    width, height = struct.unpack("<ii", data[18:26])
    return DeclaredSize((abs(width), abs(height)))


def _pnm(data: bytes) -> DeclaredSize:
    match = _PNM.match(data[:1000])
    if match is None:
        raise ValueError("no size")
    return DeclaredSize((int(match[1]), int(match[2])))


def _riff(data: bytes) -> DeclaredSize:
    kind = data[12:16]
    if data[8:12] != b"WEBP":
        raise ValueError("another RIFF file")
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", data[26:30]))
    return DeclaredSize((width, height))


def _jpeg(data: bytes) -> DeclaredSize:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return DeclaredSize((width, height))
        at += 2 if marker == 0x01 or 0xD0 <= marker <= 0xD8 else 2 + _number(data, at + 2, 2)
    raise ValueError("no frame")


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _tiff(data: bytes) -> DeclaredSize:
    """The first picture of a file, which is the one that is decoded."""
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack(order + "I", data[4:8])
    (entries,) = struct.unpack(order + "H", data[directory : directory + 2])
    sides = {}
    for n in range(entries):
        tag, kind, _, value = struct.unpack(
            order + "HHI4s", data[directory + 2 + 12 * n : directory + 14 + 12 * n]
        )
        if tag in (256, 257):
            sides[tag] = struct.unpack(order + ("H" if kind == 3 else "I"), value[: 2 if kind == 3 else 4])[0]
    if len(sides) != 2:
        raise ValueError("no size")
    return DeclaredSize((sides[256], sides[257]))


def _jpeg2000(data: bytes) -> DeclaredSize:
    at = data.find(_SIZ)
    if at < 0:
        raise ValueError("no codestream")
    x1, y1, x0, y0 = struct.unpack(">IIII", data[at + 8 : at + 24])
    (components,) = struct.unpack(">H", data[at + 40 : at + 42])
    return DeclaredSize((max(0, x1 - x0), max(0, y1 - y0)), 4 * components + 3)


def _avif(data: bytes) -> DeclaredSize:
    if not is_avif(data):
        raise ValueError("another file of that family")
    header = read_avif_header(data)
    return DeclaredSize(header.stored_wh_px, _AVIF_ALPHA_BYTES if header.has_alpha else _AVIF_BYTES)


_READERS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[bytes], DeclaredSize]], ...] = (
    (b"\xff\xd8\xff", _jpeg),
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"RIFF", _riff),
    ((b"II*\0", b"MM\0*"), _tiff),
    (b"BM", _bmp),
    ((b"GIF87a", b"GIF89a"), _gif),
    ((b"\0\0\0\x0cjP  \r\n\x87\n", _SIZ), _jpeg2000),
    (tuple(b"P%d" % n for n in range(1, 8)), _pnm),
    (b"\0\0\0", _avif),
)
