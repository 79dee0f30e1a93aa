"""What may happen to a face between its photo and the network: other boxes, other light, fewer pixels."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from training.config import AugmentationConfig
from training.crops import BOX_SIDE_PX, SIDE_PX
from training.geometry import REFERENCE_PX, Window, mirrored_labels, pose_under_similarity, scaled_camera

_SOURCE_CAMERA = scaled_camera(SIDE_PX)
_REFERENCE_CAMERA = scaled_camera(REFERENCE_PX)

Image = UInt8[np.ndarray, "s s 3"]


@dataclass(frozen=True, eq=False)
class Example:
    """A crop and the pose and landmarks of its face, in the camera "fpn-227" of that crop.

    `photo_xyxy_px`: the part of the crop that is photo.
    """

    image: Image
    rotation: Float[np.ndarray, "3 3"]
    tvec_mm: Float[np.ndarray, "3"]
    landmarks_px: Float[np.ndarray, "68 2"]
    photo_xyxy_px: Int[np.ndarray, "4"]
    mirrored: bool = False


def augment(
    example: Example,
    others: UInt8[np.ndarray, "n s s 3"],
    window: Window,
    config: AugmentationConfig | None,
    rng: np.random.Generator | None,
) -> Example:
    """The network's crop out of a wider one, its pose and landmarks in pixels of the reference crop (227).

    Args:
        example: The wider crop.
        others: Pictures that may hide a part of the face.
        window: What the network sees.
        config: How the crop is changed; without it nothing is.
        rng: Decides what is changed.

    Returns:
        The crop, all of which counts as photo.
    """
    usual_px = window.to_box * BOX_SIDE_PX
    if config is None or rng is None or (config.p_plain > 0 and rng.random() < config.p_plain):
        return _cut(example, usual_px, np.zeros(2), 0.0, window.size_px)
    if rng.random() < config.mirror:
        example = _mirrored(example)
    scale = np.exp(rng.normal(0, config.scale_sigma))
    side = usual_px * float(np.clip(scale, *config.scale))
    shift = rng.uniform(-1, 1, 2) if rng.random() < 0.5 else np.clip(rng.normal(0, 0.33, 2), -1, 1)
    whole = rng.random() < config.whole_circle
    roll = rng.uniform(-180, 180) if whole else rng.normal(0, config.roll_deg)
    if config.p_close > 0 and rng.random() < config.p_close:
        example = _cut_close(example, rng)
    border = _border(rng) if rng.random() < config.p_filled else _Border()
    cut = _cut(example, side, shift * config.shift * BOX_SIDE_PX, float(roll), window.size_px, border)
    return replace(cut, image=_spoiled(cut.image, others, window, config, rng))


class _Border(NamedTuple):
    """What lies beyond the photo: a way of OpenCV to fill it, and a colour where it is one."""

    kind: int = cv2.BORDER_CONSTANT
    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _border(rng: np.random.Generator) -> _Border:
    """Mirrored pixels in most cases, else those of the edge, or one colour."""
    chance = rng.random()
    if chance < 0.6:
        return _Border(cv2.BORDER_REFLECT)
    if chance < 0.8:
        return _Border(cv2.BORDER_REPLICATE)
    blue, green, red = rng.uniform(0, 255, 3).tolist()
    return _Border(colour=(blue, green, red))


def _cut_close(example: Example, rng: np.random.Generator) -> Example:
    """The photo as if it ended close to the face: up to a third of the box beyond it, or a little within."""
    low, high = (SIDE_PX - BOX_SIDE_PX) / 2, (SIDE_PX + BOX_SIDE_PX) / 2
    margins = BOX_SIDE_PX * rng.uniform(-0.05, 0.35, 4)
    margins[rng.random(4) < 0.3] = SIDE_PX
    edges = np.array([low, low, high, high]) + margins * [-1, -1, 1, 1]
    left, top, right, bottom = np.rint(edges).astype(np.int64)
    old = example.photo_xyxy_px
    close = np.array([max(left, old[0]), max(top, old[1]), min(right, old[2]), min(bottom, old[3])])
    # The photo may end within the box already.
    return replace(example, photo_xyxy_px=close) if (close[2:] - close[:2] > 8).all() else example


def _cut(
    example: Example,
    side_px: float,
    shift_px: Float[np.ndarray, "2"],
    roll_deg: float,
    size_px: int,
    border: _Border = _Border(),  # noqa: B008  # immutable
) -> Example:
    """The window of `side_px`, moved by `shift_px` and turned (positive: the head turns clockwise in it)."""
    angle = np.deg2rad(roll_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (SIDE_PX - 1) / 2 + shift_px
    left, top, right, bottom = example.photo_xyxy_px
    pixels = _similarity(turn, size_px / side_px, middle, size_px)
    # x' = L x + d = L (x - corner) + d + L corner, counted from the corner of the photo
    pixels[:, 2] += pixels[:, :2] @ [left, top]
    image = cv2.warpAffine(
        example.image[top:bottom, left:right],
        pixels,
        (size_px, size_px),
        flags=cv2.INTER_LINEAR,
        borderMode=border.kind,
        borderValue=border.colour,
    )
    reference = _similarity(turn, REFERENCE_PX / side_px, middle, REFERENCE_PX)
    rotation, tvec_mm = pose_under_similarity(
        example.rotation, example.tvec_mm, _SOURCE_CAMERA, reference, _REFERENCE_CAMERA
    )
    points = example.landmarks_px @ reference[:, :2].T + reference[:, 2]
    whole = np.array([0, 0, size_px, size_px])
    return Example(np.asarray(image), rotation, tvec_mm, points, whole, example.mirrored)


def _similarity(
    turn: Float[np.ndarray, "2 2"], scale: float, middle: Float[np.ndarray, "2"], size_px: int
) -> Float[np.ndarray, "2 3"]:
    # x' = s R (x - middle) + the middle of the new crop
    linear = scale * turn
    return np.column_stack([linear, (size_px - 1) / 2 - linear @ middle])


def _mirrored(example: Example) -> Example:
    rotation, tvec_mm, points = mirrored_labels(
        example.rotation, example.tvec_mm, example.landmarks_px, SIDE_PX, _SOURCE_CAMERA
    )
    left, top, right, bottom = example.photo_xyxy_px
    photo = np.array([SIDE_PX - right, top, SIDE_PX - left, bottom])
    image = np.ascontiguousarray(example.image[:, ::-1])
    return Example(image, rotation, tvec_mm, points, photo, not example.mirrored)


def _spoiled(
    image: Image,
    others: UInt8[np.ndarray, "n s s 3"],
    window: Window,
    config: AugmentationConfig,
    rng: np.random.Generator,
) -> Image:
    box_px = window.size_px / window.to_box
    if rng.random() < config.p_occlusion:
        image = _occluded(image, others[rng.integers(len(others))], box_px, config.most_occluded, rng)
    if config.p_hard_light > 0 and rng.random() < config.p_hard_light:
        image = _shaded(image, box_px, rng)
    if rng.random() < config.p_light:
        image = _lit(image, rng)
    if rng.random() < config.p_small:
        image = _shrunk(image, box_px, config.least_face_px, rng)
    if rng.random() < config.p_blur:
        image = _blurred(image, rng)
    if rng.random() < config.p_noise:
        shape = (*image.shape[:2], 3 if rng.random() < 0.5 else 1)
        noise = np.float32(rng.uniform(2, 14)) * rng.standard_normal(shape, np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < config.p_jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    if rng.random() < config.p_grey:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[:, :, None], 3, axis=2)
    return image


def _lit(image: Image, rng: np.random.Generator) -> Image:
    """Another exposure, white balance and contrast: one table a channel."""
    levels = np.arange(256) / 255.0
    gain, gamma = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.25))
    balance = np.exp(rng.normal(0, 0.07, 3))
    tables = gain * balance[:, None] * levels**gamma + rng.normal(0, 0.06)
    table = np.clip(255 * tables, 0, 255).astype(np.uint8).T
    return np.asarray(cv2.LUT(np.ascontiguousarray(image), table.reshape(256, 1, 3).copy()))


def _shaded(image: Image, box_px: float, rng: np.random.Generator) -> Image:
    """A light from one side: beyond a soft line through the face a shadow, which leaves a tenth to a half."""
    size = image.shape[0]
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3) * box_px
    softness = box_px * np.exp(rng.uniform(np.log(0.03), np.log(0.3)))
    along = np.arange(size, dtype=np.float32) - (size - 1) / 2
    distance = np.cos(angle) * along + np.sin(angle) * along[:, None] - place
    lit = 1 / (1 + np.exp(-np.clip(distance / softness, -30, 30)))
    left = rng.uniform(0.1, 0.5)
    return np.asarray(image * (left + (1 - left) * lit)[:, :, None], np.float32).astype(np.uint8)


def _shrunk(image: Image, box_px: float, least_face_px: int, rng: np.random.Generator) -> Image:
    """As many pixels as a small face has; small ones are as likely as large ones."""
    size = image.shape[0]
    face = np.exp(rng.uniform(np.log(least_face_px), np.log(box_px)))
    side = max(round(size * face / box_px), 8)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_AREA))


def _blurred(image: Image, rng: np.random.Generator) -> Image:
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 2.5))))
    length = int(rng.integers(2, 5)) * 2 + 1
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    step = (length // 2) * np.array([np.cos(angle), np.sin(angle)])
    middle = length // 2
    start, end = np.rint(middle - step).astype(int), np.rint(middle + step).astype(int)
    cv2.line(kernel, tuple(start.tolist()), tuple(end.tolist()), 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))


def _occluded(image: Image, other: Image, box: float, most: float, rng: np.random.Generator) -> Image:
    """A rectangle or an ellipse over a part of the face: of one colour, or cut from another picture."""
    size = image.shape[0]
    height, width = (
        (box * np.sqrt(rng.uniform(0.02, most)) * np.exp(rng.normal(0, 0.3, 2))).clip(3, box).astype(int)
    )
    y, x = (rng.uniform((size - box) / 2, (size + box) / 2, 2) - [height / 2, width / 2]).astype(int)
    mask = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(mask, (x, y), (x + width, y + height), 1, -1)
    else:
        centre = (x + width // 2, y + height // 2)
        cv2.ellipse(
            mask, centre, (width // 2 + 1, height // 2 + 1), float(rng.uniform(0, 180)), 0, 360, 1, -1
        )
    if rng.random() < 0.5:
        cover = np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), image.shape)
    else:
        cover = cv2.resize(other[::-1, ::-1], (size, size), interpolation=cv2.INTER_LINEAR)
    return np.where(mask[:, :, None] > 0, cover, image)
