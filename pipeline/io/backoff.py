"""Faults of storage that pass: told apart from those that stay, and tried again with growing pauses."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import StorageUnavailableError

T = TypeVar("T")

ATTEMPTS = 7
ATTEMPTS_AT_ONE_FILE = 3
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


# What a server answers when it is busy or starts anew.
_PASSING_STATUS = frozenset({408, 425, 429, 502, 503, 504})
_LONGEST_WAIT_S = 120.0


class WebError(OSError):
    """What a server answered instead of a file, or how its answer broke off."""

    def __init__(self, text: str, *, status: int | None = None, wait_s: float | None = None) -> None:
        """`status`: of HTTP; `wait_s`: how long the server asks to wait (`Retry-After`)."""
        super().__init__(text)
        self.status = status
        self.wait_s = wait_s


class OneFileError(WebError):
    """A fault that is tried again, but is this file's own if it stays: other files may be had."""


def in_one_line(error: BaseException) -> str:
    """The text of any package's error at a length that can be read."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 3]}..."


_LONGEST_TEXT = 500


def status_of(error: BaseException) -> int | None:
    """The HTTP status in the error of any client package, or None."""
    answer = getattr(error, "response", None)
    for holder in (error, answer):
        for name in ("status", "status_code", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and 100 <= value < 600:
                return value
    if isinstance(answer, dict):  # of botocore
        value = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return value if isinstance(value, int) else None
    return None


def passes(error: OSError) -> bool:
    """Whether an error of storage is of the kind that goes away."""
    if isinstance(error, OneFileError):
        return True
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError | IsADirectoryError):
        return False
    status = status_of(error)
    if status is not None:
        return status in _PASSING_STATUS
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    text = str(error).lower()
    return any(words in text for words in _PASSING)


def patiently(action: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Do something with storage, again after faults that pass, with pauses that double and vary.

    A server that says how long to wait is waited for, up to two minutes.

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
            if isinstance(error, OneFileError) and attempt >= ATTEMPTS_AT_ONE_FILE:
                raise
            if attempt == ATTEMPTS:
                raise StorageUnavailableError(
                    f"storage failed {ATTEMPTS} times, lastly: {in_one_line(error)}. The same command "
                    "continues once it is back; where it never was there, see the location and "
                    "AWS_ENDPOINT_URL"
                ) from error
            longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (attempt - 1))
            pause_s = random.uniform(longest / 2, longest)
            sleep(max(pause_s, min(getattr(error, "wait_s", None) or 0.0, _LONGEST_WAIT_S)))
    raise AssertionError("unreachable")
