"""The photo that comes with the package, for first steps, examples and the demo.

It is NASA's portrait of the astronaut Eileen Collins, cropped. Works of NASA are in the public domain.
"""

from pathlib import Path

SAMPLE_BOX_XYWH_PX = (176.0, 72.0, 92.0, 113.0)
"""Box of the face in `sample_photo()` as a detector would give it, eyebrows to chin: x, y, width, height."""


def sample_photo() -> Path:
    """The file of a portrait of 400 x 400 px, in the public domain; its face is in `SAMPLE_BOX_XYWH_PX`.

    Returns:
        Path of a JPEG inside the package.

    Example:
        >>> import faceposenet
        >>> face = faceposenet.pose(faceposenet.sample_photo(), faceposenet.SAMPLE_BOX_XYWH_PX)
        >>> print(f"{face.image_wh_px}, {len(face.landmarks_xy_px)} landmarks")
        (400, 400), 68 landmarks
    """
    return Path(__file__).with_name("sample.jpg")
