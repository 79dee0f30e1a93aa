"""What an encoded picture says of its size, before anything is decoded.

A file of two kilobytes can decode to gigabytes. OpenCV has a limit of its own, but reads it when it is first
imported, which a caller may have done before, and it counts pixels only. So the size is read here from the
header, with the memory that OpenCV's decoder takes for it. A format that is not among these, or a header that
is not in order, is left to the decoder.
"""

import re
from dataclasses import dataclass

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.avif import AvifError, is_avif, read_avif_header
from faceposenet.photo.jpeg_header import jpeg_frame_wh
from faceposenet.photo.sizes import PhotoLimits
from faceposenet.reasons import Reason

# Peak memory per pixel of OpenCV 5.0's decoders, result included, measured with 17 and 25 megapixels: 6 to 10
# bytes for most; 15 for Radiance HDR; 17 to 21 for AVIF of 8 to 12 bits, 34 to 36 with alpha. OpenJPEG holds
# each component as 32-bit numbers: 7, 15 and 19 bytes for 1, 3 and 4 components.
USUAL_BYTES_PER_PIXEL = 10
_HDR_BYTES = 15
_AVIF_BYTES, _AVIF_ALPHA_BYTES = 21, 36
_JP2_BYTES, _JP2_COMPONENT_BYTES = 3, 4

_RADIANCE = re.compile(rb"[-+]Y (\d{1,9}) [-+]X (\d{1,9})")
_PNM = re.compile(rb"P[1-6fF](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s")
_PAM = re.compile(rb"\n(WIDTH|HEIGHT)\s+(\d{1,9})")
_HEADER_BYTES = 2**16
_MOST_BOXES = 10_000


@dataclass(frozen=True)
class DeclaredSize:
    """The size of a picture as its header has it."""

    wh_px: tuple[int, int]
    """Width and height as stored."""
    bytes_per_pixel: int = USUAL_BYTES_PER_PIXEL
    """Peak memory of decoding it."""

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.wh_px[0] * self.wh_px[1]


def check_declared_size(data: bytes, limits: PhotoLimits) -> None:
    """Checks that an encoded picture does not declare more than the limits allow.

    Raises:
        FaceRejectedError: it does.
    """
    declared = declared_size(data)
    if declared is None:
        return
    width, height = declared.wh_px
    if declared.pixels > limits.max_pixels:
        detail = f"{width} x {height} px is more than images.max_pixels = {limits.max_pixels}"
        raise FaceRejectedError(Reason.IMAGE_TOO_LARGE, detail)
    if declared.pixels * declared.bytes_per_pixel > limits.max_pixels * USUAL_BYTES_PER_PIXEL:
        megabytes = declared.pixels * declared.bytes_per_pixel >> 20
        raise FaceRejectedError(
            Reason.IMAGE_TOO_LARGE,
            f"{width} x {height} px of this format take {megabytes} MB to decode, more than "
            f"images.max_pixels = {limits.max_pixels} pixels of the usual formats do",
        )


def declared_size(data: bytes) -> DeclaredSize | None:
    """Reads the declared size of an encoded picture.

    Returns:
        The size; None for other formats, and for headers that are cut off or damaged.
    """
    for begins, read in _READERS:
        if begins.match(data):
            try:
                return read(data)
            except (IndexError, ValueError, AvifError):
                return None
    return None


def _jpeg(data: bytes) -> DeclaredSize | None:
    wh_px = jpeg_frame_wh(data)
    return None if wh_px is None else DeclaredSize(wh_px)


def _png(data: bytes) -> DeclaredSize:
    return DeclaredSize((_big(data, 16, 4), _big(data, 20, 4)))


def _gif(data: bytes) -> DeclaredSize:
    return DeclaredSize((_little(data, 6, 2), _little(data, 8, 2)))


def _bmp(data: bytes) -> DeclaredSize:
    if _little(data, 14, 4) == 12:  # BITMAPCOREHEADER
        return DeclaredSize((_little(data, 18, 2), _little(data, 20, 2)))
    height = int.from_bytes(_piece(data, 22, 4), "little", signed=True)  # below 0: rows from the top
    return DeclaredSize((_little(data, 18, 4), abs(height)))


def _sun_raster(data: bytes) -> DeclaredSize:
    return DeclaredSize((_big(data, 4, 4), _big(data, 8, 4)))


def _webp(data: bytes) -> DeclaredSize:
    kind = data[12:16]
    if kind == b"VP8X":  # width and height less 1, 24 bits each
        return DeclaredSize((1 + _little(data, 24, 3), 1 + _little(data, 27, 3)))
    if kind == b"VP8L":  # the same with 14 bits each, after a signature of 8 bits
        bits = _little(data, 21, 4)
        return DeclaredSize((1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)))
    if kind == b"VP8 ":  # 14 bits each, after a frame tag of 3 bytes and a start code of 3
        return DeclaredSize((_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF))
    raise ValueError(f"a WebP file that begins with {kind!r}")


def _radiance(data: bytes) -> DeclaredSize | None:
    match = _RADIANCE.search(data[:_HEADER_BYTES])
    return None if match is None else DeclaredSize((int(match[2]), int(match[1])), _HDR_BYTES)


def _pnm(data: bytes) -> DeclaredSize | None:
    match = _PNM.match(data[:_HEADER_BYTES])
    return None if match is None else DeclaredSize((int(match[1]), int(match[2])))


def _pam(data: bytes) -> DeclaredSize:
    sizes = {name: int(number) for name, number in _PAM.findall(data[:_HEADER_BYTES])}
    return DeclaredSize((sizes.get(b"WIDTH", 0), sizes.get(b"HEIGHT", 0)))


def _jpeg2000(data: bytes) -> DeclaredSize:
    """Of the codestream (marker SIZ), in or without the boxes of a JP2 file."""
    start = 0
    if data[:4] != b"\xff\x4f\xff\x51":
        for _ in range(_MOST_BOXES):
            if data[start + 4 : start + 8] == b"jp2c":
                break
            length = _big(data, start, 4)
            length = _big(data, start + 8, 8) if length == 1 else length
            if length < 8:
                raise ValueError(f"a box of {length} bytes")
            start += length
        start += 16 if _big(data, start, 4) == 1 else 8
    # SOC, SIZ, Lsiz, Rsiz; then right and lower end, and left and upper begin, of the picture.
    right, lower, left, upper = (_big(data, start + 8 + 4 * n, 4) for n in range(4))
    components = _big(data, start + 40, 2)
    bytes_per_pixel = _JP2_BYTES + _JP2_COMPONENT_BYTES * components
    return DeclaredSize((max(right - left, 0), max(lower - upper, 0)), bytes_per_pixel)


def _avif(data: bytes) -> DeclaredSize | None:
    if not is_avif(data):
        return None
    header = read_avif_header(data)
    return DeclaredSize(header.stored_wh_px, _AVIF_ALPHA_BYTES if header.has_alpha else _AVIF_BYTES)


def _tiff(data: bytes) -> DeclaredSize:
    """Of the first picture, or of one of its tiles where those are larger; classic TIFF and BigTIFF."""
    order = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(_piece(data, at, size), order)  # type: ignore[arg-type]  # one of two words

    big = number(2, 2) == 43
    directory = number(8, 8) if big else number(4, 4)
    count_size, entry_size, value_at = (8, 20, 12) if big else (2, 12, 8)
    found: dict[int, int] = {}
    for n in range(min(number(directory, count_size), 1000)):
        entry = directory + count_size + entry_size * n
        # Types 3, 4 and 16 are numbers of 16, 32 and 64 bits.
        size = {3: 2, 4: 4, 16: 8}.get(number(entry + 2, 2))
        if size is not None:
            found[number(entry, 2)] = number(entry + value_at, size)
    picture = (found.get(256, 0), found.get(257, 0))
    tile = (found.get(322, 0), found.get(323, 0))
    return DeclaredSize(max(picture, tile, key=lambda wh_px: wh_px[0] * wh_px[1]))


_READERS = tuple(
    (re.compile(begins, re.DOTALL), read)
    for begins, read in (
        (rb"\xff\xd8", _jpeg),
        (rb"\x89PNG\r\n\x1a\n", _png),
        (rb"RIFF....WEBP", _webp),
        (rb"GIF8[79]a", _gif),
        (rb"BM", _bmp),
        (rb"II[*+]\0|MM\0[*+]", _tiff),
        (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n", _jpeg2000),
        (rb"....ftyp", _avif),
        (rb"#\?R(ADIANC|GB)E", _radiance),
        (rb"P7\n", _pam),
        (rb"P[1-6fF]\s", _pnm),
        (rb"\x59\xa6\x6a\x95", _sun_raster),
    )
)


def _piece(data: bytes, at: int, size: int) -> bytes:
    piece = data[at : at + size]
    if len(piece) < size:
        raise IndexError(f"the file ends before byte {at + size}")
    return piece


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(_piece(data, at, size), "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(_piece(data, at, size), "little")
