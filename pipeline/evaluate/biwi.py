"""The folders of the BIWI Kinect head pose database (Fanelli et al., 2011): one a sequence, with `rgb.cal`,
and per frame `frame_N_rgb.png` (or `.jpg`) and `frame_N_pose.txt` (rotation, and the head's centre in mm)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pipeline.evaluate.conventions import biwi_label_to_rotation
from pipeline.evaluate.errors import DatasetError

Frame = tuple[str, Path, Float64[np.ndarray, " 4"], Float64[np.ndarray, "3 3"]]

_HEAD_RADIUS_MM = 75.0
"""Half the side of the box around the head's centre: the data set has no boxes, and this is half a face."""


def is_biwi(folder: Path) -> bool:
    """Whether the folders in it are sequences."""
    return any(folder.glob("*/frame_*_pose.txt"))


def read_biwi_frames(folder: Path) -> Iterator[Frame]:
    """Name, photo, box and rotation of every frame. Raises DatasetError for files that are not as they
    should be."""
    for sequence in sorted({pose.parent for pose in folder.glob("*/frame_*_pose.txt")}):
        calibration = sequence / "rgb.cal"
        numbers = _numbers(calibration, 25)
        # Intrinsics, four distortions, then the turn and shift from the depth camera to this one.
        camera, turn, shift = numbers[:9].reshape(3, 3), numbers[13:22].reshape(3, 3), numbers[22:25]
        for pose in sorted(sequence.glob("frame_*_pose.txt")):
            stem = pose.stem.removesuffix("_pose")
            photos = [pose.with_name(f"{stem}_rgb{suffix}") for suffix in (".png", ".jpg")]
            image = next((photo for photo in photos if photo.is_file()), photos[0])
            label = _numbers(pose, 12)
            centre = turn @ label[9:] + shift
            if centre[2] <= 0:
                raise DatasetError(
                    f"{pose} with {calibration} puts the head behind the camera, at"
                    f" {centre.round(1).tolist()} mm; expected the files of the data set as published."
                )
            x, y = (camera @ centre)[:2] / centre[2]
            radius = _HEAD_RADIUS_MM * camera[0, 0] / centre[2]
            box = np.array([x - radius, y - radius, 2 * radius, 2 * radius])
            yield (
                f"{sequence.name}/{stem}",
                image,
                box,
                biwi_label_to_rotation(label[:9].reshape(3, 3)),
            )


def _numbers(path: Path, least: int) -> NDArray[np.float64]:
    try:
        numbers = np.array([float(word) for word in path.read_text().split()])
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot read {path}: {error}; expected the file as published.") from error
    if len(numbers) < least or not np.isfinite(numbers).all():
        raise DatasetError(f"{path} holds {len(numbers)} numbers; expected at least {least}, as published.")
    return numbers
