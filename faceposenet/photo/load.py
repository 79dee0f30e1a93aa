"""A photo's pixels from its location, in one step."""

import numpy as np

from faceposenet.photo.decode import decode_image
from faceposenet.photo.read import Reader, checked_bytes, read_encoded, read_location
from faceposenet.photo.sizes import DEFAULT_LIMITS, PhotoLimits


def load_photo(
    photo: str | bytes, limits: PhotoLimits = DEFAULT_LIMITS, read: Reader = read_location
) -> np.ndarray:
    """Reads and decodes a photo at its full size.

    Args:
        photo: its location, or the encoded photo itself.
        limits: what is still accepted.
        read: reads locations.

    Returns:
        uint8 (height, width, 3), BGR, upright.

    Raises:
        FaceRejectedError: it is missing, cannot be read or decoded, or is too large.
    """
    data = checked_bytes(photo, limits) if isinstance(photo, bytes) else read_encoded(photo, limits, read)
    return decode_image(data, limits)
