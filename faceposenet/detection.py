"""Face boxes, for photos that have none yet."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from faceposenet.detector import MIN_SCORE, FaceDetector
from faceposenet.photo_arguments import Channels, Photo, whole_photo


def detect(
    photo: Photo, model: Path | str = "yunet", *, min_score: float = MIN_SCORE, channels: Channels = "BGR"
) -> Float64[np.ndarray, "n 4"]:
    """The boxes of the faces in a photo, the surest first, as `fpn manifest from-images` finds them.

    Args:
        photo: uint8 (height, width, 3), or a path or URI of an image file.
        model: file of a face detector that OpenCV's `FaceDetectorYN` runs, or the name of one that
            `fpn models fetch` has fetched: none comes with the package.
        min_score: least score of a face, 0 to 1.
        channels: order of the channels of `photo`, where it is an array.

    Returns:
        x and y of the upper left corner, width, height, in pixels; none where no face is found.

    Raises:
        FaceRejectedError: the photo cannot be read.
        InputError: `photo` is not a photo.
        DetectorError: there is no such model, or OpenCV cannot run it.
    """
    return _detector(str(model), min_score).detect(whole_photo(photo, channels)).boxes_xywh_px


@lru_cache(maxsize=2)
def _detector(model: str, min_score: float) -> FaceDetector:
    return FaceDetector(Path(model), min_score=min_score)
