"""Many small requests of storage at once, with their answers in order and few of them held."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from faceposenet.photo.locations import is_uri
from pipeline.io.storage import Folder

In = TypeVar("In")
Out = TypeVar("Out")

REMOTE_READERS, LOCAL_READERS = 64, 4
"""Requests under way at a store, whose answers take their time, and at a disk."""


def readers_of(folder: Folder) -> int:
    """How many requests a folder gets at a time."""
    return REMOTE_READERS if is_uri(folder.location) else LOCAL_READERS


def side_by_side(action: Callable[[In], Out], items: Iterable[In], readers: int) -> Iterator[Out]:
    """What `action` makes of each item, by several threads, in the order of the items.

    The items are taken as threads come free, and at most twice as many results wait as there are threads.
    Where the caller stops early, what has not begun is left out.

    Example:
        for data in side_by_side(folder.read, names, readers_of(folder)): ...
    """
    left = iter(items)
    with ThreadPoolExecutor(readers) as pool:
        ahead: deque[Future[Out]] = deque()
        try:
            ahead.extend(pool.submit(action, item) for item in islice(left, 2 * readers))
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(action, item) for item in islice(left, 1))
        finally:
            for future in ahead:
                future.cancel()
