"""Endings of file names that people give to photos, in folders and in shards alike."""

from collections import Counter

IMAGE_ENDINGS = frozenset(
    {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "tif", "tiff", "gif", "jp2", "avif"}
    | {"ppm", "pgm", "pbm", "pnm", "heic", "heif", "jxl"}
)
"""What OpenCV decodes, and what it does not but people take for a photo: those become rejects, not losses."""


def passed_over_note(endings: Counter[str]) -> str:
    """The files that are no images, by their endings, in words; empty where there are none.

    Example:
        passed_over_note(Counter({".txt": 3}))  # "passed over, as no images: 3 x .txt"
    """
    if not endings:
        return ""
    shown = ", ".join(f"{count:,} x {name}" for name, count in endings.most_common(5))
    more = ", and others" if len(endings) > 5 else ""
    return f"passed over, as no images: {shown}{more}"
