"""Whether a location is a local path or a URI."""

import re
from urllib.parse import unquote

_SCHEME = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_FILE_URI = re.compile(r"file:(?://(?:localhost)?)?(?=/)", re.IGNORECASE)


def is_uri(location: str) -> bool:
    """Whether a location names a store (`s3://...`); a local path, also as `file:/path`, does not."""
    return _SCHEME.match(location) is not None


def plain_path(location: str) -> str:
    """A `file:` URI as the local path that it is; anything else as it is.

    Example:
        plain_path("file:///photos/a%20b.jpg")  # "/photos/a b.jpg"
    """
    match = _FILE_URI.match(location)
    return location if match is None else unquote(location[match.end() :])
