"""Files that must stay as they are while a job reads them.

A job reads its manifest in pieces over hours. If the file is replaced in that time, pieces of two different
files would be put together, and faces would be lost. So the state of each file is kept when the manifest is
opened, and compared at every read.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow.fs as pafs

from pipeline.errors import ManifestError
from pipeline.io.backoff import patiently
from pipeline.io.storage import resolve, without_credentials


@dataclass(frozen=True)
class Pin:
    """The state of a file when it was opened."""

    location: str
    size: int | None
    """Bytes, or None where the store does not say."""
    modified_ns: int | None
    """When it was last written, in nanoseconds since 1970, or None where the store does not say."""
    tag: str = ""
    """What else tells its state, such as an ETag; empty where the store gives nothing."""


def pin_file(location: str) -> Pin:
    """The state of a file as it is now.

    Raises:
        FileNotFoundError: there is no such file.
    """
    filesystem, path = resolve(location)
    info = patiently(lambda: filesystem.get_file_info(path))
    if info.type == pafs.FileType.NotFound:
        raise FileNotFoundError(location)
    # Arrow's own stores have times; those that Python opens have what they call a tag.
    tag = patiently(lambda: filesystem.handler.tag(path)) if isinstance(filesystem, pafs.PyFileSystem) else ""
    return Pin(location, info.size, info.mtime_ns, tag)


def pin_files(locations: Sequence[str]) -> tuple[Pin, ...]:
    """The states of several files; see `pin_file`."""
    return tuple(map(pin_file, locations))


@contextmanager
def unchanged(pins: Sequence[Pin]) -> Iterator[None]:
    """Read pinned files inside; an error where one of them changed before or meanwhile.

    Example:
        with unchanged(manifest.pins):
            rows = read_rows()

    Raises:
        ManifestError: a file is gone, or is another one now.
    """
    check_pins(pins)
    try:
        yield
    finally:
        # Also after an error: what a reader makes of half a new file says nothing about the cause.
        check_pins(pins)


def check_pins(pins: Sequence[Pin]) -> None:
    """Compare files with their pins.

    Raises:
        ManifestError: a file is gone, or is another one now.
    """
    for pin in pins:
        change = changed(pin)
        if change:
            raise ManifestError(
                f"{without_credentials(pin.location)} has changed since the job opened it ({change}). Parts "
                "that are committed stay; bring the file back as it was, and the same command continues"
            )


def changed(pin: Pin) -> str:
    """How a file differs from its pin, in words; empty where it does not."""
    try:
        now = pin_file(pin.location)
    except FileNotFoundError:
        return "it is gone"
    if now.size != pin.size:
        return f"it had {pin.size:,} bytes, now {now.size:,}" if pin.size and now.size else "another size"
    if (now.modified_ns, now.tag) != (pin.modified_ns, pin.tag):
        return "it was written again"
    return ""
