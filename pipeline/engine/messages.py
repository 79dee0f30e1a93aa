"""Messages between a supervisor and its worker process: a few words, and named buffers beside them.

The words are pickled. The buffers are not: each goes through the socket as it lies in memory, and arrives in
one piece of memory of its own, whatever number of pieces it was sent in. A part's crops are tens of
megabytes.
"""

import pickle
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

Buffer = bytes | bytearray | memoryview
Buffers = Mapping[str, Buffer | Sequence[Buffer | np.ndarray]]
"""What goes into a stage and comes out of it, by name; a value may come in pieces that follow one another."""
Received = dict[str, memoryview]
"""Buffers as they arrive."""


def send(pipe: "Connection[Any, Any]", *words: object, buffers: Buffers | None = None) -> None:
    """Send some words, and buffers after them.

    Raises:
        OSError: the other side has gone.
    """
    pieces = {name: pieces_of(value) for name, value in (buffers or {}).items()}
    sizes = {name: [piece.nbytes for piece in held] for name, held in pieces.items()}
    pipe.send_bytes(pickle.dumps((words, sizes), protocol=5))
    for held in pieces.values():
        for piece in held:
            pipe.send_bytes(piece)


def receive(pipe: "Connection[Any, Any]") -> tuple[tuple[Any, ...], Received]:
    """The words and the buffers of the next message.

    Raises:
        EOFError, OSError: the other side has gone.
    """
    words, sizes = pickle.loads(pipe.recv_bytes())
    received = {}
    for name, lengths in sizes.items():
        whole = memoryview(bytearray(sum(lengths)))
        begin = 0
        for length in lengths:
            pipe.recv_bytes_into(whole[begin : begin + length])
            begin += length
        received[name] = whole
    return words, received


def pieces_of(value: Buffer | Sequence[Buffer | np.ndarray]) -> list[memoryview]:
    """The pieces of a buffer as bytes; empty ones are left out."""
    pieces = [value] if isinstance(value, bytes | bytearray | memoryview) else value
    views = [piece.data if isinstance(piece, np.ndarray) else memoryview(piece) for piece in pieces]
    return [_as_bytes(view) for view in views if view.nbytes]


def joined(value: Buffer | Sequence[Buffer | np.ndarray]) -> Buffer:
    """A buffer in one piece; copied only where it came in several."""
    pieces = pieces_of(value)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _as_bytes(view: memoryview) -> memoryview:
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")
