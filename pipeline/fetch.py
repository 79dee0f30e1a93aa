"""Fetching a face detector: from where it is published, from a mirror, or from a file."""

import hashlib
import os
from pathlib import Path

from faceposenet.known_detectors import KnownDetector
from pipeline.errors import StorageError
from pipeline.io.storage import read_file


class WrongFileError(StorageError):
    """A file that is not the one that was asked for."""


def fetch_detector(detector: KnownDetector, source: str | None = None) -> Path:
    """Put a detector's file where its name finds it, once its SHA-256 is right.

    Args:
        detector: which one.
        source: URL or path to take it from; by default where it is published.

    Returns:
        The path of the file.

    Raises:
        StorageError: it cannot be read.
        WrongFileError: it is another file.
    """
    if source is None and _is_whole(detector):
        return detector.path
    location = source or detector.url
    try:
        data = read_file(location, detector.size_bytes + 1)
    except (OSError, StorageError) as error:
        raise StorageError(
            f"{location} cannot be read: {error}; without a network, download {detector.url} elsewhere and "
            f"give the file: fpn models fetch {detector.name} --from {detector.file}"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != detector.sha256:
        raise WrongFileError(
            f"{location} is not {detector.file}: expected {detector.size_bytes:,} bytes with the SHA-256 "
            f"{detector.sha256}, found {found}; nothing was written"
        )
    detector.path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = detector.path.with_name(f".{detector.file}.{os.getpid()}")
    unfinished.write_bytes(data)
    return unfinished.replace(detector.path)


def _is_whole(detector: KnownDetector) -> bool:
    try:
        return hashlib.sha256(detector.path.read_bytes()).hexdigest() == detector.sha256
    except OSError:
        return False
