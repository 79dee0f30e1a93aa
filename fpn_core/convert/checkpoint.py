"""Variables out of TensorFlow checkpoints of both versions, with NumPy alone. Nothing in them is executed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpn_core.convert.crc32c import crc32c, unmask
from fpn_core.convert.table import read_table
from fpn_core.convert.wire import number, parts
from fpn_core.errors import CheckpointError

# TensorFlow's DataType of the kinds that weights come in.
_DTYPES: Mapping[int, np.dtype[Any]] = {1: np.dtype("<f4"), 2: np.dtype("<f8")}


@dataclass(frozen=True)
class Variable:
    """A variable of a checkpoint; `read` gives its values, or raises CheckpointError where it cannot."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


def read_checkpoint(prefix: Path) -> Mapping[str, Variable]:
    """The variables of a checkpoint by their names; values are read from disk only when asked for.

    `prefix`: the path as TensorFlow takes it. With a file `<prefix>.index` it is a checkpoint of version 2,
    else the file at the path itself is one of version 1.

    Raises CheckpointError for files that are missing, cut short, or no checkpoint.
    """
    index = prefix.with_name(prefix.name + ".index")
    return _read_version_2(prefix, index) if index.exists() else _read_version_1(prefix)


def _open(path: Path) -> memoryview:
    try:
        if path.stat().st_size == 0:
            raise CheckpointError(f"{path} is empty; expected a checkpoint of TensorFlow. Copy it again.")
        return np.memmap(path, np.uint8, "r").data
    except OSError as error:
        raise CheckpointError(
            f"cannot read the checkpoint {path}: {error.strerror}. Expected that file, or {path.name}.index"
            " and its .data- files in the same folder."
        ) from error


def _read_version_2(prefix: Path, index: Path) -> dict[str, Variable]:
    """A table of entries (`<prefix>.index`) that point into files of raw bytes (`<prefix>.data-...`)."""
    entries = dict(read_table(_open(index), str(index)))
    header = entries.pop(b"", memoryview(b""))
    shards, big_endian = number(header, 1, default=1), number(header, 2)
    if big_endian:
        raise CheckpointError(f"{index} was written on a big-endian machine; expected little-endian.")
    return {
        name.decode(errors="replace"): _variable_2(name.decode(errors="replace"), entry, prefix, shards)
        for name, entry in entries.items()
    }


def _variable_2(name: str, entry: memoryview, prefix: Path, shards: int) -> Variable:
    """BundleEntryProto: 1 dtype, 2 shape, 3 shard, 4 offset, 5 size, 6 checksum, 7 slices."""
    shape = _shape(parts(entry, 2))
    dtype, sliced = number(entry, 1), bool(parts(entry, 7))
    shard, offset, size = number(entry, 3), number(entry, 4), number(entry, 5)
    checksums = parts(entry, 6)

    def read() -> NDArray[Any]:
        path = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}")
        kind = _dtype(name, dtype)
        if sliced or math.prod(shape) * kind.itemsize != size:
            raise CheckpointError(
                f"variable {name} of {prefix} has shape {shape} in {size} bytes"
                f"{' of slices' if sliced else ''}; expected {kind} in one piece."
            )
        data = _open(path)
        if offset + size > len(data):
            raise CheckpointError(
                f"{path} has {len(data)} bytes, but {name} ends at {offset + size}; it is cut short. Copy it"
                " again."
            )
        own = data[offset : offset + size]
        if any(crc32c(own) != unmask(int.from_bytes(stored, "little")) for stored in checksums):
            raise CheckpointError(f"{name} in {path} fails its checksum. Copy the file again.")
        return np.frombuffer(own, kind).reshape(shape)

    return Variable(shape, read)


def _read_version_1(path: Path) -> dict[str, Variable]:
    """One table. SavedTensorSlices: 1 meta (1 tensors: 1 name, 2 shape, 3 dtype), 2 data (1 name, 3
    tensor)."""
    shapes: dict[str, tuple[tuple[int, ...], int]] = {}
    values: dict[str, list[memoryview]] = {}
    for _, entry in read_table(_open(path), str(path)):
        for meta in parts(entry, 1):
            for tensor in parts(meta, 1):
                shapes[_name(tensor)] = _shape(parts(tensor, 2)), number(tensor, 3)
        for data in parts(entry, 2):
            values.setdefault(_name(data), []).extend(parts(data, 3))
    return {
        name: _variable_1(name, shape, dtype, values.get(name, []), path)
        for name, (shape, dtype) in shapes.items()
    }


def _variable_1(
    name: str, shape: tuple[int, ...], dtype: int, tensors: list[memoryview], path: Path
) -> Variable:
    """TensorProto: 4 raw bytes, 5 packed floats, 6 packed doubles."""

    def read() -> NDArray[Any]:
        kind = _dtype(name, dtype)
        packed = 5 if kind.itemsize == 4 else 6
        found = [part for tensor in tensors for part in parts(tensor, 4) + parts(tensor, packed)]
        if len(tensors) != 1 or len(found) != 1 or len(found[0]) != math.prod(shape) * kind.itemsize:
            raise CheckpointError(
                f"variable {name} of {path} has shape {shape}, but {len(tensors)} pieces of"
                f" {[len(part) for part in found]} bytes; expected {kind} in one piece."
            )
        return np.frombuffer(found[0], kind).reshape(shape)

    return Variable(shape, read)


def _dtype(name: str, dtype: int) -> np.dtype[Any]:
    if dtype not in _DTYPES:
        raise CheckpointError(
            f"variable {name} is of TensorFlow's type {dtype}; expected floating-point weights."
        )
    return _DTYPES[dtype]


def _name(message: memoryview) -> str:
    names = parts(message, 1)
    return bytes(names[-1]).decode(errors="replace") if names else ""


def _shape(messages: list[memoryview]) -> tuple[int, ...]:
    """TensorShapeProto: 2 dimensions, each with 1 size."""
    return tuple(number(size, 1) for message in messages[-1:] for size in parts(message, 2))
