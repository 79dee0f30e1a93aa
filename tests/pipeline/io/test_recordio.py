"""RecordIO against bytes made by hand, and against a reader written anew from the format's description."""

import io
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.io.recordio import MAGIC, RecordError, RecordWriter, frame, read_image_record

# Of key 7, label 3, image b"jpeg!": 24 + 5 bytes of data, 3 of padding.
PLAIN = bytes.fromhex(
    "0a23d7ce"  # magic
    "1d000000"  # flag 0, length 29
    "00000000" "00004040" "0700000000000000" "0000000000000000"  # flag, label 3.0, id, id2
    "6a70656721" "000000"
)  # fmt: skip
# Of key 0, labels 5 and 9, no image, as InsightFace's record 0: 24 + 8 bytes of data.
HEADER = bytes.fromhex(
    "0a23d7ce"
    "20000000"
    "02000000" "00000000" "0000000000000000" "0000000000000000"
    "0000a040" "00001041"
)  # fmt: skip
# Of key 1, label 0, an image of the magic and "ab": cut at the magic, which is left out.
CUT = bytes.fromhex(
    "0a23d7ce" "18000020"  # flag 1: the first piece
    "00000000" "00000000" "0100000000000000" "0000000000000000"
    "0a23d7ce" "02000060" "6162" "0000"  # flag 3: the last
)  # fmt: skip


def written(*records: tuple[int, float | list[float], bytes]) -> tuple[bytes, bytes]:
    rec, idx = io.BytesIO(), io.BytesIO()
    writer = RecordWriter(rec, idx)
    for key, labels, image in records:
        writer.write(key, labels, image)
    return rec.getvalue(), idx.getvalue()


def test_bytes_made_by_hand() -> None:
    rec, idx = written((0, [5, 9], b""), (7, 3, b"jpeg!"), (1, 0, MAGIC + b"ab"))
    assert rec == HEADER + PLAIN + CUT
    assert idx == b"0\t0\n7\t40\n1\t80\n"


def test_bytes_made_by_hand_are_read() -> None:
    file = io.BytesIO(HEADER + PLAIN + CUT)
    header = read_image_record(file, 0)
    assert (header.labels, header.is_plain, header.id, header.image, header.end) == ((5, 9), False, 0, (), 40)
    plain = read_image_record(file, 40)
    assert (plain.labels, plain.is_plain, plain.id, plain.end) == ((3,), True, 7, 80)
    assert plain.image == ((72, 5),)
    cut = read_image_record(file, 80)
    assert cut.end == len(HEADER + PLAIN + CUT)
    assert b"".join(file.getvalue()[at : at + length] for at, length in cut.image) == MAGIC + b"ab"


def datas_of(rec: bytes) -> Iterator[bytes]:
    """The reader of the format's description, for files without damage."""
    at, data = 0, b""
    while at < len(rec):
        magic, word = struct.unpack_from("<II", rec, at)
        assert magic == 0xCED7230A
        flag, length = word >> 29, word & 0x1FFFFFFF
        data += (MAGIC if flag in (2, 3) else b"") + rec[at + 8 : at + 8 + length]
        at += 8 + (length + 3) // 4 * 4
        if flag in (0, 3):
            yield data
            data = b""
    assert not data


_pieces = st.lists(st.one_of(st.just(MAGIC), st.binary(max_size=6)), max_size=6).map(b"".join)


@given(st.lists(_pieces, min_size=1, max_size=4))
def test_any_image_comes_back(images: list[bytes]) -> None:
    rec, _ = written(*[(n, n + 0.5, image) for n, image in enumerate(images)])
    assert [data[24:] for data in datas_of(rec)] == images
    assert [struct.unpack("<IfQQ", data[:24]) for data in datas_of(rec)] == [
        (0, n + 0.5, n, 0) for n in range(len(images))
    ]
    file, at = io.BytesIO(rec), 0
    for n, image in enumerate(images):
        record = read_image_record(file, at)
        assert record.labels == (n + 0.5,)
        assert b"".join(rec[offset : offset + length] for offset, length in record.image) == image
        at = record.end
    assert at == len(rec)


def test_no_magic_stands_in_a_record_but_at_its_pieces() -> None:
    """So that a reader that lost its place finds the next record."""
    rec = frame(MAGIC * 3 + b"x" + MAGIC)
    assert [at for at in range(0, len(rec), 4) if rec[at : at + 4] == MAGIC] == [0, 8, 16, 24]


@pytest.mark.parametrize(
    ("rec", "said"),
    [
        (b"", "no record begins at byte 0: found the end of the file"),
        (b"\x0a\x23", "no record begins at byte 0: found 0a 23"),
        (PLAIN[4:], "no record begins at byte 0"),
        (PLAIN[:20], "has no image header, or is cut off"),
        (frame(b"short"), "has no image header, or is cut off"),
        (CUT[:32], "no record begins at byte 32: found the end of the file"),
        (CUT[32:], "has its piece 3 in the wrong place"),
        (CUT[:32] + PLAIN, "has its piece 0 in the wrong place"),
        (frame(struct.pack("<IfQQ", 2**31, 0, 0, 0)), "says that it has 2147483648 labels"),
    ],
)
def test_bytes_that_are_no_record(rec: bytes, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        read_image_record(io.BytesIO(rec), 0)
