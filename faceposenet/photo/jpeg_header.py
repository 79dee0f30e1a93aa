"""Size and orientation of a JPEG from its first segments, without decoding it.

Segments are those of ITU-T T.81, annex B; the orientation is tag 0x0112 of the EXIF block, a TIFF directory
(Exif 2.3, section 4.5 and 4.6.4). Whatever is not as the standards have it gives None, never a guess.
"""

from dataclasses import dataclass

# Start-of-frame markers: C0 to CF without DHT (C4), JPG (C8) and DAC (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1, _START_OF_SCAN = 0xE1, 0xDA
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_EXIF = b"Exif\x00\x00"
_ORIENTATION_TAG, _SHORT = 0x0112, 3
_MOST_SEGMENTS = 100_000
TRANSPOSED = frozenset((5, 6, 7, 8))
"""Orientations that exchange width and height."""


@dataclass(frozen=True)
class JpegHeader:
    """What the segments before the pixels say."""

    stored_wh_px: tuple[int, int]
    """Size of the picture as it is stored."""
    orientation: int
    """1 to 8, how a viewer turns it; 1 is as stored."""

    @property
    def upright_wh_px(self) -> tuple[int, int]:
        """Size of the picture as viewers show it."""
        width, height = self.stored_wh_px
        return (height, width) if self.orientation in TRANSPOSED else (width, height)


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """The header of a JPEG; None for other formats and for anything unusual in it."""
    if data[:2] != b"\xff\xd8":
        return None
    at, orientation, app1_segments = 2, 1, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _STANDALONE or marker in (0xFF, _START_OF_SCAN):
            return None
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker == _APP1:
            app1_segments += 1
            if body.startswith(_EXIF):
                found = _orientation(body[len(_EXIF) :])
                # Decoders differ in which of several blocks they believe, and in what a torn one means.
                if found is None or app1_segments > 1:
                    return None
                orientation = found
        elif marker in _FRAMES:
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            # A height of 0 stands for one that follows the first scan.
            return JpegHeader((width, height), orientation) if width and height else None
        at += 2 + length
    return None


def jpeg_frame_wh(data: bytes) -> tuple[int, int] | None:
    """The size that a JPEG is stored in, also of one that is unusual otherwise; None where it has none."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        at = data.find(b"\xff", at)  # decoders pass over what stands between segments
        if at < 0 or at + 9 > len(data):
            return None
        marker = data[at + 1]
        if marker in _FRAMES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        if marker == _START_OF_SCAN:
            return None
        if marker in (0x00, 0xFF) or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
    return None


def _orientation(tiff: bytes) -> int | None:
    """The orientation in an EXIF block, 1 where it has none; None where the block is not in order."""
    if tiff[:4] not in (b"II*\x00", b"MM\x00*"):
        return None

    def number(start: int, size: int) -> int:
        return int.from_bytes(tiff[start : start + size], "little" if tiff[:1] == b"I" else "big")

    directory = number(4, 4)
    entries = number(directory, 2)
    if directory < 8 or directory + 2 + 12 * entries > len(tiff):
        return None
    found = []
    for n in range(entries):
        entry = directory + 2 + 12 * n
        if number(entry, 2) == _ORIENTATION_TAG:
            if number(entry + 2, 2) != _SHORT or number(entry + 4, 4) != 1:
                return None
            found.append(number(entry + 8, 2))
    if not found:
        return 1
    return found[0] if len(found) == 1 and 1 <= found[0] <= 8 else None
