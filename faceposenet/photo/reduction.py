"""How far a photo may be reduced before its faces lose anything.

A JPEG can be decoded at a half, a quarter or an eighth of its size, for less than the whole costs. Where
every face of a photo is still at least as large as what the network and the renderer shrink it to, nothing is
lost: both shrink by averaging areas, and the decoder does part of that for them.
"""

from dataclasses import dataclass

import numpy as np

from faceposenet.photo.sizes import SourceSize
from faceposenet.photo.source_window import source_bounds
from fpn_core import NetworkSpec, crop_windows
from fpn_core.crop import MAX_WINDOW_TO_IMAGE_AREA

REDUCTIONS = (8, 4, 2)
"""What decoders of JPEG can reduce by."""


@dataclass(frozen=True)
class Needs:
    """How large faces have to be in a photo for the network and the renderer to lose nothing."""

    spec: NetworkSpec
    source: SourceSize | None
    """What the renderer sees; None where nothing is rendered."""

    def reduction(self, wh_px: tuple[int, int], boxes_xywh_px: np.ndarray) -> int:
        """The largest of 8, 4, 2 and 1 by which a photo with these boxes, float64 (n, 4) and valid, may be
        reduced.

        1 also where the network's crop is not made by averaging areas: it would see other pixels.
        """
        width, height = wh_px
        if self.source is not None and max(wh_px) < 2 * self.source.longest_px:
            return 1  # most photos, and at no cost
        x, y, box_width, box_height = boxes_xywh_px.T
        inside = (x + box_width > 0) & (y + box_height > 0) & (x < width) & (y < height)
        if self.spec.crop_interpolation != "area" or not inside.any():
            return 1
        windows = crop_windows(boxes_xywh_px[inside], self.spec.crop_expand)
        sides_px = windows[:, 2] - windows[:, 0]
        if (sides_px**2 > MAX_WINDOW_TO_IMAGE_AREA * width * height).any():
            return 1  # no crop is made of these, which is reported in pixels of the full size
        most = float(sides_px.min()) / self.spec.size_px
        if self.source is not None:
            bounds = [source_bounds(wh_px, box, self.source.window) for box in boxes_xywh_px[inside]]
            longest_px = min(max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in bounds)
            most = min(most, longest_px / self.source.longest_px)
        return next((reduction for reduction in REDUCTIONS if reduction <= most), 1)
