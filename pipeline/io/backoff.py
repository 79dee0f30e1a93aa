"""Faults of storage that pass: told apart from those that stay, and tried again with growing pauses."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import StorageUnavailableError

T = TypeVar("T")

ATTEMPTS = 7
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 8.0

# What stores and their clients say of faults that pass. Arrow gives all of S3's errors as OSError with the
# service's words; the names are those of the AWS SDK's retryable errors.
_PASSING = (
    "slow_down",
    "slowdown",
    "throttl",
    "toomanyrequests",
    "too many requests",
    "service_unavailable",
    "serviceunavailable",
    "internal_failure",
    "internalerror",
    "internal error",
    "request_timeout",
    "requesttimeout",
    "network_connection",
    "http status 500",
    "http status 502",
    "http status 503",
    "http status 504",
    "curlcode",
    "timed out",
    "timeout",
    "connection reset",
    "connection refused",
    "connection aborted",
    "remote end closed",
    "broken pipe",
    "stale file handle",
    "temporarily unavailable",
)


def passes(error: OSError) -> bool:
    """Whether an error of storage is of the kind that goes away."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError | IsADirectoryError):
        return False
    text = str(error).lower()
    return any(words in text for words in _PASSING)


def patiently(action: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Do something with storage, again after faults that pass, with pauses that double and vary.

    Raises:
        StorageUnavailableError: it still failed at the last of `ATTEMPTS`.
        OSError: a fault that stays.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return action()
        except OSError as error:
            if not passes(error):
                raise
            if attempt == ATTEMPTS:
                raise StorageUnavailableError(
                    f"storage failed {ATTEMPTS} times, lastly: {error}. The same command continues once it "
                    "is back; where it never was there, see the location and AWS_ENDPOINT_URL"
                ) from error
            longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (attempt - 1))
            sleep(random.uniform(longest / 2, longest))
    raise AssertionError("unreachable")
