"""Compat mode: the numerics of the original renderer, its faults included, to the byte.

It exists to reproduce data sets and to prove the other mode against. What it keeps on purpose: background
outside the photo is squeezed in from the photo's left strip; values are truncated; the soft symmetry mirrors
in the image at its middle column although the face's axis lies elsewhere, with weights that always reach 1
somewhere; without background the face sits one pixel off.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from render_core.errors import RenderReject
from render_core.head import HeadView

# Share of the face's distance from the left border whose strip is squeezed into the background.
_STRIP_SHARE = 0.25
_BLUR_SIZE_PX = 15
_BLUR_SIGMA_PX = 30.0


@dataclass(frozen=True)
class CompatOptions:
    """The original's switches. `flip_background` also mirrors the background of the symmetric picture."""

    background: bool = True
    symmetry: bool = True
    flip_background: bool = False


@dataclass(frozen=True)
class CompatRendering:
    """`raw` without symmetry; `symmetric` and its `weights` only for a frontal view that asks for them."""

    raw: UInt8[np.ndarray, "h w 3"]
    inside: Bool[np.ndarray, "h w"]
    symmetric: UInt8[np.ndarray, "h w 3"] | None = None
    weights: Float[np.ndarray, "h w"] | None = None


def render_compat(
    image: UInt8[np.ndarray, "H W 3"],
    projection: Float[np.ndarray, "3 4"],
    view: HeadView,
    options: CompatOptions | None = None,
) -> CompatRendering:
    """Render one view as the original does. `image` is the crop that `projection` belongs to.

    Raises RenderReject where no point of the face lies inside the image: the original crashes there.
    """
    options = options or CompatOptions()
    shape = view.face_mask.shape
    position, inside = _positions(image, projection, view)
    face = view.face_mask
    if not inside[face].any():
        raise RenderReject("render_no_face_pixels", "no point of the face lies inside the image")
    placed = _placed(position, inside, face, image)
    map_px = placed if options.background else position
    raw = sample_quantised(image, map_px[0].astype(np.float32), map_px[1].astype(np.float32))
    if not options.background:
        raw[~face] = 0
    if not (options.symmetry and view.yaw_deg == 0):
        return CompatRendering(raw, inside)

    weights = _weights(placed, inside, face)
    weights[~face] = 1.0 if options.flip_background else 0.0
    half = shape[1] // 2
    mirrored = raw.copy()
    mirrored[:, :half] = raw[:, ::-1][:, :half]
    # s = (1 - w) raw + w mirrored, the right half included: there rounding down costs some values one level.
    share = weights[..., None]
    symmetric = (raw * (1.0 - share) + mirrored * share).astype(np.uint8)
    return CompatRendering(raw, inside, symmetric, weights)


def _positions(image: np.ndarray, projection: np.ndarray, view: HeadView) -> tuple[np.ndarray, np.ndarray]:
    """One-based positions "2 h w" in the image, and which of them lie inside."""
    points = view.points_mm.astype(np.float64)
    projected = np.einsum("ij,hwj->ihw", projection[:, :3], points) + projection[:, 3, None, None]
    position = projected[:2] / projected[2]
    height, width = image.shape[:2]
    inside = (position >= 1).all(axis=0) & (position[0] <= width) & (position[1] <= height)
    return position, inside


def _placed(position: np.ndarray, inside: np.ndarray, face: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Zero-based positions; those outside the image are spread over it, x squeezed into its left strip."""
    placed = position - 1.0
    outside = ~inside
    if not outside.any():
        return placed
    height, width = image.shape[:2]
    strip = _STRIP_SHARE * position[0][inside & face].min() / width
    relative = position[:, outside]
    low, high = relative.min(axis=1, keepdims=True), relative.max(axis=1, keepdims=True)
    # One point alone spans nothing; the original divides by zero here.
    relative = (relative - low) / np.where(high > low, high - low, 1.0)
    relative[0] = np.where(relative[0] > strip, relative[0] * strip, relative[0])
    placed[:, outside] = relative * np.array([[width], [height]])
    return placed


def sample_quantised(
    image: UInt8[np.ndarray, "H W 3"], x_px: Float[np.ndarray, "h w"], y_px: Float[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Cubic samples at positions rounded to 1/32 px, black outside, rounded down.

    OpenCV rounds positions so up to version 4; fixed-point maps keep that in later ones.
    """
    fixed, fraction = cv2.convertMaps(x_px, y_px, cv2.CV_16SC2)
    sampled = cv2.remap(image.astype(np.float32), fixed, fraction, cv2.INTER_CUBIC)
    levels: np.ndarray = np.clip(sampled, 0, 255).astype(np.uint8)
    return levels


def _weights(placed: np.ndarray, inside: np.ndarray, face: np.ndarray) -> np.ndarray:
    """How often each pixel's source pixel is sampled, blurred, and stretched to 0 to 1 over the face."""
    x, y = np.round(placed[:, inside]).astype(np.int64)
    _, which, times = np.unique(x + y * (x.max() + 1), return_inverse=True, return_counts=True)
    count = np.zeros(inside.shape)
    count[inside] = times[which.reshape(-1)]
    blurred = cv2.GaussianBlur(
        count, (_BLUR_SIZE_PX, _BLUR_SIZE_PX), _BLUR_SIGMA_PX, borderType=cv2.BORDER_REPLICATE
    )
    low, high = blurred[face].min(), blurred[face].max()
    if high == low:
        # Every source pixel is used equally often; the original divides by zero here.
        return np.zeros_like(blurred)
    weights: np.ndarray = (blurred - low) / (high - low)
    return weights
