"""A small writer of TensorFlow checkpoints, by the published formats and independent of the reader."""

import struct

import numpy as np

TABLE_MAGIC = 0xDB4775248B80FB57
DTYPES = {"float32": 1, "float64": 2, "int32": 3}


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, value):
    """A field of a message: a number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def shape_message(shape):
    return b"".join(field(2, field(1, int(size))) for size in shape)


def crc_of_byte(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 & -(byte & 1))
    return byte


CRC_OF_BYTE = [crc_of_byte(byte) for byte in range(256)]


def masked_crc(data):
    """CRC-32C byte by byte, in the masked form that the files store."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_OF_BYTE[(crc ^ byte) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def fixed32_field(number, value):
    return varint(number << 3 | 5) + struct.pack("<I", value)


class Table:
    """Collects blocks of a table file; `compress` turns each into what is stored, `kind` is its byte."""

    def __init__(self, kind=0, compress=bytes):
        self.data, self.kind, self.compress = b"", kind, compress

    def block(self, entries, restart_every=4):
        body, restarts, previous = b"", [], b""
        for i, (key, value) in enumerate(entries):
            shared = 0
            if i % restart_every == 0:
                restarts.append(len(body))
            else:
                while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
                    shared += 1
            body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
            previous = key
        body += struct.pack(f"<{len(restarts)}I", *restarts) + struct.pack("<I", len(restarts))
        body = self.compress(body)
        handle = varint(len(self.data)) + varint(len(body))
        trailer = bytes([self.kind])
        self.data += body + trailer + struct.pack("<I", masked_crc(body + trailer))
        return handle

    def finish(self, entries, per_block=5):
        entries = sorted(entries)
        blocks = [entries[at : at + per_block] for at in range(0, len(entries), per_block)]
        index = [(block[-1][0] + b"~", self.block(block)) for block in blocks]
        footer = self.block([]) + self.block(index)
        return self.data + footer.ljust(40, b"\0") + struct.pack("<Q", TABLE_MAGIC)


def write_version_2(prefix, variables, table=None, big_endian=False, sliced=()):
    data, entries = b"", [(b"", field(1, 1) + field(2, int(big_endian)))]
    for name, array in variables.items():
        raw = np.ascontiguousarray(array).tobytes()
        entry = field(1, DTYPES[array.dtype.name]) + field(2, shape_message(array.shape))
        entry += field(4, len(data)) + field(5, len(raw)) + fixed32_field(6, masked_crc(raw))
        entry += field(7, b"") if name in sliced else b""
        entries.append((name.encode(), entry))
        data += raw
    prefix.with_name(prefix.name + ".data-00000-of-00001").write_bytes(data)
    prefix.with_name(prefix.name + ".index").write_bytes((table or Table()).finish(entries))


def write_version_1(prefix, variables, table=None, pieces=1):
    metas, entries = b"", []
    for name, array in variables.items():
        dtype = DTYPES[array.dtype.name]
        meta = field(1, name.encode()) + field(2, shape_message(array.shape)) + field(3, dtype)
        metas += field(1, meta)
        packed = {"float32": 5, "float64": 6}.get(array.dtype.name, 4)
        tensor = field(1, dtype) + field(packed, np.ascontiguousarray(array).tobytes())
        for piece in range(pieces):
            saved = field(1, name.encode()) + field(3, tensor)
            entries.append((f"{name}:{piece}".encode(), field(2, saved)))
    prefix.write_bytes((table or Table()).finish([(b"", field(1, metas)), *entries]))


WRITERS = {"version 1": write_version_1, "version 2": write_version_2}
