"""The wire format of protocol buffers, as far as checkpoints need it: numbers and byte strings by field.

The checkpoints of TensorFlow are read with this instead of TensorFlow's own 1.5 GB.
"""

from collections.abc import Iterator

from fpn_core.errors import CheckpointError

Value = int | memoryview

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number at a place, seven bits a byte, and the place after it. Raises CheckpointError at the end of
    the data."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise CheckpointError("a number in the checkpoint does not end where it must; the file is damaged.")


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """(field number, value) of a message in the order written; strings and inner messages as bytes.

    Raises CheckpointError for bytes that are not a message.
    """
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = read_varint(message, at)
            yield tag >> 3, number
            continue
        if kind == _BYTES:
            size, at = read_varint(message, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise CheckpointError(f"a message in the checkpoint has a field of kind {kind}; it is damaged.")
        if at + size > len(message):
            raise CheckpointError("a message in the checkpoint is cut short; the file is damaged.")
        yield tag >> 3, message[at : at + size]
        at += size


def number(message: memoryview, field: int, default: int = 0) -> int:
    """The last value of a field that holds numbers."""
    found = [value for key, value in fields(message) if key == field and isinstance(value, int)]
    return found[-1] if found else default


def parts(message: memoryview, field: int) -> list[memoryview]:
    """All values of a field that holds strings or inner messages."""
    return [value for key, value in fields(message) if key == field and not isinstance(value, int)]
