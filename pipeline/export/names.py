"""Text of a manifest as names of files: readable where it can be, never a way out of the folder, never one
name for two texts."""

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST = 80
# Names that Windows keeps for devices, with any ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(text: str, *, folds_case: bool = False) -> str:
    """A file name for a text: the text itself where it is one, else what is left of it, `~` and a hash of it.

    Two texts have two names, also on file systems that take "A" and "a" for the same (`folds_case`).
    """
    plain = text if not folds_case else text.lower()
    kept = _UNSAFE.sub("_", text)[:_LONGEST].strip(".-")
    if kept == text == plain and text and not _DEVICES.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kept}~{digest[:12]}"
