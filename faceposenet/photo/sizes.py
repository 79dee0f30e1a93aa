"""How large a photo may be, and how much of it is needed. Imports nothing, so that settings can use it."""

from dataclasses import dataclass

SOURCE_WINDOW = 2.0
SOURCE_PER_VIEW = 1.75


@dataclass(frozen=True)
class PhotoLimits:
    """Photos beyond these limits are rejected as `image_too_large`."""

    max_bytes: int = 256 * 2**20
    """Of the encoded file."""
    max_pixels: int = 2**27
    """Of the decoded picture at its full size; fewer in formats whose decoders take more memory."""


DEFAULT_LIMITS = PhotoLimits()


@dataclass(frozen=True)
class SourceSize:
    """How much of a photo the renderer sees of a face."""

    window: float
    """Side of the window around the face, in sides of the square face box."""
    longest_px: int
    """Longest side in pixels; larger windows are shrunk by averaging areas."""


def source_size(view_px: int) -> SourceSize:
    """What views of this size need, by default."""
    return SourceSize(SOURCE_WINDOW, round(SOURCE_PER_VIEW * view_px))
