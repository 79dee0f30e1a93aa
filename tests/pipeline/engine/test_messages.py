"""Messages between processes: words, and buffers in pieces or whole."""

from multiprocessing.connection import Pipe

import numpy as np
import pytest

from pipeline.engine.messages import joined, pieces_of, receive, send


def test_buffers_arrive_whole_however_they_were_cut() -> None:
    mine, theirs = Pipe()
    crops = [np.arange(12, dtype=np.uint8).reshape(2, 2, 3), np.zeros((0, 2, 3), np.uint8)]
    send(
        mine, "done", 7, buffers={"crops": crops, "plan": b"abc", "none": b"", "view": memoryview(b"xyz")[1:]}
    )
    words, buffers = receive(theirs)
    assert words == ("done", 7)
    assert {name: bytes(data) for name, data in buffers.items()} == {
        "crops": bytes(range(12)),
        "plan": b"abc",
        "none": b"",
        "view": b"yz",
    }


def test_what_arrives_can_be_written_to_and_what_was_sent_is_not() -> None:
    mine, theirs = Pipe()
    sent = b"abc"
    send(mine, buffers={"x": sent})
    _, buffers = receive(theirs)
    buffers["x"][0] = 0
    assert sent == b"abc"


def test_a_buffer_in_one_piece_is_not_copied() -> None:
    data = np.arange(6, dtype=np.float32)
    assert np.shares_memory(np.frombuffer(joined([data]), np.float32), data)
    assert [piece.nbytes for piece in pieces_of([b"", data])] == [24]


def test_the_other_side_that_goes_is_noticed() -> None:
    mine, theirs = Pipe()
    mine.close()
    with pytest.raises(EOFError):
        receive(theirs)
