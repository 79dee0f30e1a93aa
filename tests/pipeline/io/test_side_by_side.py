import threading

import pytest

from pipeline.io.side_by_side import LOCAL_READERS, REMOTE_READERS, readers_of, side_by_side
from pipeline.io.storage import Folder


def test_answers_come_in_the_order_of_the_items() -> None:
    turn = threading.Barrier(3)

    def wait(n: int) -> int:
        turn.wait(timeout=30)  # passes once three are under way at a time
        return -n

    assert list(side_by_side(wait, range(9), readers=3)) == [-n for n in range(9)]


def test_items_are_taken_as_they_are_needed_and_none_after_the_caller_stops() -> None:
    taken: list[int] = []

    def items():
        for n in range(1000):
            taken.append(n)
            yield n

    answers = side_by_side(lambda n: n, items(), readers=2)
    assert [next(answers), next(answers)] == [0, 1]
    answers.close()
    assert len(taken) <= 6


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda n: 1 / n, [1, 0, 2], readers=2))


def test_a_store_gets_more_requests_than_a_disk() -> None:
    assert readers_of(Folder("s3://bucket/out")) == REMOTE_READERS
    assert readers_of(Folder("/tmp/out")) == LOCAL_READERS
