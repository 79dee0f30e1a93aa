"""Every kind of element of the format, real compressed data, and damaged ones."""

import numpy as np
import pytest

from fpn_core import CheckpointError
from fpn_core.convert.snappy import decompress


def unpacked(*parts):
    return bytes(decompress(memoryview(b"".join(parts))))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([b"\x00"], b""),
        # Literals: length - 1 in the tag, or in one or two bytes after it.
        ([b"\x03", b"\x08abc"], b"abc"),
        ([b"\x46", b"\xf0\x45", b"x" * 70], b"x" * 70),
        ([b"\xac\x02", b"\xf4\x2b\x01", b"y" * 300], b"y" * 300),
        # Copies of 4 from 3 back, with offsets of 11, 16 and 32 bits: they reach into themselves.
        ([b"\x07", b"\x08abc", b"\x01\x03"], b"abcabca"),
        ([b"\x07", b"\x08abc", b"\x0e\x03\x00"], b"abcabca"),
        ([b"\x07", b"\x08abc", b"\x0f\x03\x00\x00\x00"], b"abcabca"),
        # An offset above 255 in the short form has its upper bits in the tag.
        ([b"\xb0\x02", b"\xf4\x2b\x01", b"z" * 44, b"abcd" + b"z" * 252, b"\x21\x00"], None),
    ],
)
def test_elements(parts, expected):
    found = unpacked(*parts)
    assert found == (b"z" * 44 + b"abcd" + b"z" * 252 + b"abcd" if expected is None else expected)


@pytest.mark.parametrize("kind", ["noise", "zeros", "steps", "text"])
def test_real_data(kind):
    snappy = pytest.importorskip("pyarrow").Codec("snappy")
    rng = np.random.default_rng(0)
    data = {
        "noise": rng.bytes(200_000),
        "zeros": bytes(200_000),
        "steps": np.repeat(rng.normal(size=900).astype(np.float32), 50).tobytes(),
        "text": b"Spatial_Transformer/ST2/conv1/W " * 3000,
    }[kind]
    assert unpacked(snappy.compress(data, asbytes=True)) == data


@pytest.mark.parametrize(
    "parts",
    [
        [b""],
        [b"\x04", b"\x08abc"],
        [b"\x02", b"\x08abc"],
        [b"\x03", b"\x08ab"],
        [b"\x07", b"\x01\x03"],
        [b"\x07", b"\x08abc", b"\x01\x04"],
        [b"\x07", b"\x08abc", b"\x01\x00"],
        [b"\x07", b"\x08abc", b"\x0e\x03"],
    ],
)
def test_damaged_data_are_refused(parts):
    with pytest.raises(CheckpointError, match="damaged"):
        unpacked(*parts)
