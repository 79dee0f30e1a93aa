"""Images inside other files: `train.rec#bytes=1024+5310` are 5310 bytes of train.rec, from its byte 1024 on.

Several spans, with commas between them, are put together. This is how a manifest points into tar shards and
RecordIO files without a copy of their images.
"""

import re
from collections.abc import Sequence

Span = tuple[int, int]
"""Offset and length of bytes of a file."""

_SPANS = re.compile(r"#bytes=(\d{1,15}\+\d{1,15}(?:,\d{1,15}\+\d{1,15})*)\Z", re.ASCII)


def with_spans(location: str, spans: Sequence[Span]) -> str:
    """The location of some bytes of a file."""
    return f"{location}#bytes={','.join(f'{offset}+{length}' for offset, length in spans)}"


def split_spans(location: str) -> tuple[str, tuple[Span, ...]]:
    """The file of a location, and the spans of it that are meant; none for the whole file.

    The query of a URI stays with the file, on whichever side of the spans it stands.
    """
    match, rest = _SPANS.search(location), ""
    if match is None and "://" in location:
        head, question, query = location.rpartition("?")
        match, rest = _SPANS.search(head), question + query
    if match is None:
        return location, ()
    pairs = (pair.split("+") for pair in match[1].split(","))
    spans = tuple((int(offset), int(length)) for offset, length in pairs)
    return match.string[: match.start()] + rest, spans
