"""Pictures that a notebook shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from faceposenet.errors import InputError

_GAP_PX = 4


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """A picture, shown by notebooks as such."""

    image: UInt8[np.ndarray, "h w c"]
    """BGR as in OpenCV, or BGR and alpha."""

    @property
    def rgb(self) -> UInt8[np.ndarray, "h w c"]:
        """The pixels in the order of Pillow and Matplotlib: RGB, or RGB and alpha."""
        order = [2, 1, 0, 3][: self.image.shape[2]]
        return np.ascontiguousarray(self.image[:, :, order])

    def save(self, path: Path | str) -> Path:
        """Write it to a file of the kind that its name says: .png, .jpg (quality 95), .webp.

        Raises:
            InputError: a kind of file that is not written.
            OSError: a place that cannot be written.
        """
        path = Path(path)
        try:
            _, data = cv2.imencode(path.suffix or ".png", self.image)
        except cv2.error as error:
            raise InputError(f"{path}: expected a name that ends with .png, .jpg or .webp") from error
        path.write_bytes(data.tobytes())
        return path

    def _repr_png_(self) -> bytes:
        _, data = cv2.imencode(".png", self.image)
        return data.tobytes()

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"{type(self).__name__}({width} x {height} px)"


@dataclass(frozen=True, eq=False, repr=False)
class View(Picture):
    """A face as another camera would see it."""

    yaw_deg: float
    """Where the nose turns: positive is the left of the image."""
    mirrored: bool
    """Whether it shows the mirrored face, as for every face with a yaw below 0."""
    seen_fraction: float
    """Share of the view's face pixels that the photo really shows."""
    filled_fraction: float
    """Share of them filled by symmetry or from beyond the photo."""

    def __repr__(self) -> str:
        return f"View({self.yaw_deg:g} degrees, {self.seen_fraction:.0%} seen)"


def side_by_side(pictures: Sequence[Picture], height_px: int | None = None) -> Picture:
    """Pictures in a row, all as high as `height_px` or else as the highest of them.

    Raises:
        InputError: no picture.
    """
    if not pictures:
        raise InputError("no picture to put side by side: expected one or more")
    height_px = height_px or max(picture.image.shape[0] for picture in pictures)
    gap = np.full((height_px, _GAP_PX, 4), (255, 255, 255, 0), np.uint8)
    row = [gap]
    for picture in pictures:
        row += [_scaled(picture.image, height_px), gap]
    joined = np.hstack(row[1:-1])
    opaque = all(picture.image.shape[2] == 3 for picture in pictures)
    return Picture(np.ascontiguousarray(joined[:, :, :3]) if opaque else joined)


def _scaled(image: np.ndarray, height_px: int) -> np.ndarray:
    """The picture at another height, with alpha."""
    if image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    scale = height_px / image.shape[0]
    width = max(1, round(image.shape[1] * scale))
    averaging = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height_px), interpolation=averaging), np.uint8)
