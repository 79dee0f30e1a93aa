"""The checksum against its published values and against the plain way."""

import numpy as np
import pytest

from fpn_core.convert.crc32c import crc32c, unmask

from .tf_writer import masked_crc


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        # RFC 3720, B.4.
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_published_values(data, expected):
    assert crc32c(memoryview(data)) == expected


@pytest.mark.parametrize("size", [1, 64, 4096, 4097, 8191, 8192, 65_537, 300_001])
def test_lanes_of_all_sizes_agree_with_going_byte_by_byte(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(memoryview(data)) == unmask(masked_crc(data))
