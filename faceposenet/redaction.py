"""Texts without the secrets that URIs can hold."""

import re

_USER = re.compile(r"(\w://)[^/@\s'\"]*@")
_QUERY = re.compile(r"(\w://[^?\s'\"]*)\?[^\s'\"]*")


def without_secrets(text: str) -> str:
    """Removes `user:secret@` and the query, which can hold keys, from every URI in a text.

    Example:
        >>> without_secrets("cannot read s3://key:secret@bucket/a.jpg?token=1")
        'cannot read s3://bucket/a.jpg'
    """
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))
