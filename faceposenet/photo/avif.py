"""What the boxes of an AVIF file say about its picture: size, alpha, and how viewers turn and mirror it.

The decoder gives the picture as it is stored. Boxes are those of ISO/IEC 14496-12; `ispe`, `irot`, `imir` and
`clap` are properties of the primary item by ISO/IEC 23008-12 (HEIF), section 6.5. An EXIF orientation has no
say in these files.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_ROTATIONS = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
_ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"


class AvifError(Exception):
    """Boxes that cannot be followed, or say what is not done here."""


@dataclass(frozen=True)
class AvifHeader:
    """The properties of the primary item."""

    stored_wh_px: tuple[int, int]
    turns: tuple[tuple[str, int], ...]
    """What viewers do, in this order: `irot` with quarter turns counter-clockwise, `imir` with 0 to exchange
    top and bottom, 1 to exchange left and right."""
    has_alpha: bool


def is_avif(data: bytes) -> bool:
    """Whether a file is AVIF, by the brands at its beginning."""
    return bool(_brands(data) & _AVIF_BRANDS)


def is_heic(data: bytes) -> bool:
    """Whether a file is another one of that family, such as HEIC, which holds no AV1."""
    brands = _brands(data)
    return bool(brands & {b"heic", b"heix", b"hevc", b"heim", b"mif1"}) and not brands & _AVIF_BRANDS


def _brands(data: bytes) -> set[bytes]:
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data))
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def read_avif_header(data: bytes) -> AvifHeader:
    """The properties of the picture in an AVIF file.

    Raises:
        AvifError: they cannot be read, or the picture is to be cropped.
    """
    meta = _only(data, b"meta")[4:]
    pitm = _only(meta, b"pitm")
    primary = int.from_bytes(pitm[4:8] if pitm[0] else pitm[4:6], "big")
    iprp = _only(meta, b"iprp")
    properties = list(_boxes(_only(iprp, b"ipco")))
    size, turns = None, []
    for index in _associations(_only(iprp, b"ipma"), primary):
        if not 1 <= index <= len(properties):
            raise AvifError(f"there is no property {index}")
        kind, body = properties[index - 1]
        if kind == b"ispe":
            size = int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:12], "big")
        elif kind == b"irot" and body:
            turns.append(("irot", body[0] & 3))
        elif kind == b"imir" and body:
            turns.append(("imir", body[0] & 1))
        elif kind == b"clap" and not _is_whole(body, size):
            raise AvifError("the picture is to be cropped (clap), which is not done here")
    if size is None:
        raise AvifError("the picture has no size (ispe)")
    has_alpha = any(kind == b"auxC" and body[4:].startswith(_ALPHA) for kind, body in properties)
    return AvifHeader(size, tuple(turns), has_alpha)


def turned(image: np.ndarray, header: AvifHeader) -> np.ndarray:
    """A picture, uint8 (h, w, 3), as viewers show it."""
    for kind, value in header.turns:
        if kind == "imir":
            image = cv2.flip(image, value)  # 0 flips around the horizontal axis, 1 around the vertical one
        elif (rotation := _ROTATIONS[value]) is not None:
            image = cv2.rotate(image, rotation)
    return image


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the boxes that follow one another."""
    at = 0
    while at + 8 <= len(data):
        size, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = len(data) if size == 0 else at + size
        if end < start:
            raise AvifError(f"the box {kind!r} has {size} bytes")
        yield kind, data[start:end]
        at = end


def _only(data: bytes, wanted: bytes) -> bytes:
    for kind, body in _boxes(data):
        if kind == wanted and len(body) >= 4:
            return body
    raise AvifError(f"there is no box {wanted.decode()!r}")


def _associations(ipma: bytes, item: int) -> list[int]:
    """Numbers, from 1, of the properties of an item."""
    version, wide = ipma[0], ipma[3] & 1
    at = 8
    for _ in range(int.from_bytes(ipma[4:8], "big")):
        id_size = 4 if version else 2
        number = int.from_bytes(ipma[at : at + id_size], "big")
        at += id_size
        if at >= len(ipma):
            break
        count, size = ipma[at], 2 if wide else 1
        at += 1
        mask = 0x7FFF if wide else 0x7F  # the bit above says whether the property is essential
        found = [
            int.from_bytes(ipma[at + n * size : at + (n + 1) * size], "big") & mask for n in range(count)
        ]
        at += count * size
        if number == item:
            return [index for index in found if index]
    raise AvifError(f"the picture, item {item}, has no properties")


def _is_whole(clap: bytes, size: tuple[int, int] | None) -> bool:
    """Whether a clean aperture is the whole picture."""
    parts = [int.from_bytes(clap[at : at + 4], "big") for at in range(0, 16, 4)]
    return size is not None and parts[0] == size[0] * parts[1] and parts[2] == size[1] * parts[3]
