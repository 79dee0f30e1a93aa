import pytest

from fpn_core import CheckpointError
from fpn_core.convert.wire import fields, read_varint


def test_fields_of_every_kind_come_in_their_order() -> None:
    # Number 300 in field 1; "hi" in field 2; eight bytes in field 3; four bytes in field 4.
    message = b"\x08\xac\x02" + b"\x12\x02hi" + b"\x19" + bytes(range(8)) + b"\x25" + bytes(4)
    found = [(field, v if isinstance(v, int) else bytes(v)) for field, v in fields(memoryview(message))]
    assert found == [(1, 300), (2, b"hi"), (3, bytes(range(8))), (4, bytes(4))]


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (b"\x0b", "a field of kind 3"),
        (b"\x12\x05hi", "cut short"),
        (b"\x19\x00", "cut short"),
        (b"\x08\xac", "does not end where it must"),
        (b"\xff" * 11, "does not end where it must"),
    ],
)
def test_bytes_that_are_no_message_are_refused(message: bytes, what: str) -> None:
    with pytest.raises(CheckpointError, match=what):
        list(fields(memoryview(message)))


def test_a_number_says_where_it_ends() -> None:
    assert read_varint(memoryview(b"\x00\xac\x02\x07"), 1) == (300, 3)
