"""Reading from a store ahead of the one who needs it, by several threads, in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(read: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yields what `read` returns for each item, in their order; up to two items per thread are under way.

    What `read` raises is raised when its item's turn comes.

    Example:
        >>> list(read_ahead(str.upper, ["a", "b", "c"], threads=2))
        ['A', 'B', 'C']
    """
    left = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        ahead = deque(pool.submit(read, item) for item in islice(left, 2 * threads))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(read, item) for item in islice(left, 1))
