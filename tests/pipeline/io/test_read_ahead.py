import threading

import pytest

from pipeline.io.read_ahead import read_ahead


def test_results_keep_the_order_and_few_items_are_under_way() -> None:
    taken: list[int] = []

    def items():
        for n in range(50):
            taken.append(n)
            yield n

    given = []
    for n in read_ahead(lambda n: n * n, items(), threads=3):
        given.append(n)
        assert len(taken) - len(given) < 2 * 3
    assert given == [n * n for n in range(50)]


def test_items_are_read_by_several_threads_at_once() -> None:
    both = threading.Barrier(2, timeout=30)
    assert len(list(read_ahead(lambda _: both.wait(), range(4), threads=2))) == 4


def test_an_error_comes_in_its_turn() -> None:
    results = read_ahead(lambda n: 1 // n, [1, 0, 1], threads=2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
