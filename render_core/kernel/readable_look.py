"""What one photo shows of cells, in NumPy: the arithmetic of `look.c`, step by step, to the byte.

Quality is the cosine of the angle between surface and camera, -1 where hidden. Risk, 0 to 1, is how surely
a look-up would show something else than what stands there: another part of the head, what lies beyond its
outline, or nothing, beyond the photo's edge.
"""

from dataclasses import dataclass

import numpy as np

from render_core.kernel.look import CellTable, Glance, LookConstants, Looked, Ramp

_ONE = np.float32(1)
_HALF = np.float32(0.5)
_OFFSET_STEPS = 64
_LARGEST_OFFSET = np.float32(32767)


@dataclass(frozen=True)
class _Side:
    """What is seen of the cells' points, or of their twins; pairs are head and backdrop."""

    quality: np.ndarray
    """With risks counted: what decides between a point and its twin."""
    risk: np.ndarray
    trust: np.ndarray
    head_quality: np.ndarray
    offset: np.ndarray
    position: np.ndarray
    depth: np.ndarray


def look_at_cells(table: CellTable, glances: tuple[Glance, Glance], constants: LookConstants) -> Looked:
    """What a photo shows of cells, directly and on the other half of the head."""
    with np.errstate(all="ignore"):
        own, twin = (_glance(table, glance, constants) for glance in glances)
    shape = (2, table.views, table.side, table.side)
    poor = _ramp(own.quality, constants.poor) * _ramp(twin.quality - own.quality, constants.better)
    twins = _widened(_steps(poor * np.float32(constants.symmetry)).reshape(shape))
    share = twins.astype(np.float32) * np.float32(1 / 255)
    rest = _ONE - share
    risk = rest * own.risk.reshape(shape) + share * twin.risk.reshape(shape)
    fill = _widened(_steps(risk))
    trust = rest * own.trust.reshape(shape) + share * twin.trust.reshape(shape)
    trust = trust * (np.float32(255) - fill.astype(np.float32)) + _HALF
    offsets = np.concatenate([own.offset, twin.offset]).reshape(4, *shape[1:])
    twins_by_view, fill_by_view, trust_by_view, offsets_by_view = (
        np.ascontiguousarray(planes.swapaxes(0, 1))
        for planes in (twins, fill, trust.astype(np.uint8), offsets)
    )
    counts = _counts(table, own, np.maximum(twins[0], fill[0]), constants)
    lowest_depth = min(own.depth.min(), twin.depth.min())
    places = np.concatenate([own.position, twin.position], axis=1)
    extent = np.array([lowest_depth, *places.min(axis=1), *places.max(axis=1)], np.float32)
    return Looked(twins_by_view, fill_by_view, trust_by_view, offsets_by_view, counts, extent)


def _glance(table: CellTable, glance: Glance, k: LookConstants) -> _Side:
    x, y, z = table.points[:3]
    P, d, n = glance.projection, glance.direction, table.normals
    depth = ((P[2, 1] * y + P[2, 2] * z) + P[2, 3]) + P[2, 0] * x
    position = np.stack([(((p[1] * y + p[2] * z) + p[3]) + p[0] * x) / depth for p in P[:2]])
    seen = _interpolated(table.seen, glance) * np.float32(1 / 255)
    margin_mm = _interpolated(table.margins, glance) * np.float32(0.1)
    deeper = _ramp(table.outline.astype(np.float32) * np.float32(0.1) - margin_mm, k.deeper)
    facing = (n[0] * d[0] + n[1] * d[1]) + n[2] * d[2]

    # A turn by the pose's error moves the outline by so much, and a point farther before the head's origin
    # more.
    lever_mm = np.abs((x * d[0] + y * d[1]) + z * d[2])
    wanted_mm = np.float32(k.margin_mm) + lever_mm * np.float32(k.error_rad)
    # Margins of 0 to twice what is wanted become those of once to twice: points sink along their normals.
    sunk_mm = np.maximum(wanted_mm - margin_mm[0] * _HALF, np.float32(0)) * deeper[0]
    offset = np.stack([_offset(row, n, sunk_mm) for row in glance.source_px_by_mm])

    beyond_mm = _beyond_px(position, k) * np.float32(k.mm_per_px)
    beyond = np.stack([_ramp(beyond_mm, ramp) for ramp in (k.beyond_head, k.beyond_backdrop)])
    filled_beyond = beyond * np.float32(k.fills_beyond)
    stretch = facing / np.maximum(table.facing, np.float32(k.least_facing))
    away = _ramp(margin_mm[1], k.away)
    hidden = np.maximum(_ramp(seen[0], k.hidden), _ramp(stretch, k.stretched))
    not_this = np.stack([hidden, (_ONE - away) * deeper[1]])
    quality = np.stack([seen[0] * (facing + _ONE) - _ONE, seen[1] * np.float32(2) - _ONE])
    # A twin also stands in for what the photo does not hold, but only for the head unless that is filled.
    against = np.maximum(not_this, np.stack([beyond[0], filled_beyond[1]]))
    trusted = _ramp(seen[0], k.trusted) * _ramp(margin_mm[0] / wanted_mm, k.clear)
    return _Side(
        quality=quality - (quality + _ONE) * against,
        risk=np.maximum(not_this, filled_beyond),
        trust=np.stack([trusted, away]) * (_ONE - beyond),
        head_quality=quality[0],
        offset=offset,
        position=position,
        depth=depth,
    )


def _counts(table: CellTable, own: _Side, replaced: np.ndarray, k: LookConstants) -> np.ndarray:
    """Cells of each view's face; of these seen, filled, and inside the photo."""
    x, y = own.position
    inside = (x >= -_HALF) & (y >= -_HALF) & (x <= np.float32(k.right)) & (y <= np.float32(k.bottom))
    filled = ~inside | (replaced.reshape(-1) > 127)
    seen = ~filled & (own.head_quality > np.float32(k.seen_from))
    kinds = np.stack([np.ones_like(seen), seen, filled, inside]) & table.is_face
    return np.ascontiguousarray(kinds.reshape(4, table.views, -1).sum(axis=2, dtype=np.int32).T)


def _offset(px_by_mm: np.ndarray, normals: np.ndarray, sunk_mm: np.ndarray) -> np.ndarray:
    """int16 (n,): what sinking points along their normals moves in the source, in 1/64 px."""
    moved = ((px_by_mm[0] * normals[0] + px_by_mm[1] * normals[1]) + px_by_mm[2] * normals[2]) * sunk_mm
    steps = np.minimum(moved * np.float32(-_OFFSET_STEPS), _LARGEST_OFFSET)
    return np.asarray(np.maximum(steps, -_LARGEST_OFFSET).astype(np.int16))


def _beyond_px(position: np.ndarray, k: LookConstants) -> np.ndarray:
    x, y = position
    across = np.maximum(-_HALF - x, x - np.float32(k.right))
    beyond = np.maximum(across, np.maximum(-_HALF - y, y - np.float32(k.bottom)))
    return np.asarray(np.maximum(beyond, np.float32(0)))


def _interpolated(table: np.ndarray, glance: Glance) -> np.ndarray:
    """float32 "2 n": a table of the fan between its four nearest directions."""
    (i, j), share = glance.fan_place, glance.shares
    a, b, c, d = (
        table[row].astype(np.float32) * share[number]
        for number, row in enumerate(((i, j), (i, j + 1), (i + 1, j), (i + 1, j + 1)))
    )
    return np.asarray((a + b) + (c + d))


def _ramp(values: np.ndarray, ramp: Ramp) -> np.ndarray:
    ramped = (values - np.float32(ramp.start)) * np.float32(ramp.slope)
    return np.asarray(np.minimum(np.maximum(ramped, np.float32(0)), _ONE))


def _steps(values: np.ndarray) -> np.ndarray:
    """Shares of 1 in steps of 1/255."""
    return np.asarray((values * np.float32(255) + _HALF).astype(np.uint8))


def _widened(steps: np.ndarray) -> np.ndarray:
    """3 x 3 means, from a sixth to two thirds stretched to nothing and all: gaps close, ends fade."""
    rows, columns = steps.shape[-2:]
    padded = np.pad(steps.astype(np.int32), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    sums = np.sum([padded[..., i : i + rows, j : j + columns] for i in range(3) for j in range(3)], axis=0)
    # 255 (sum / (9 255) - 1/6) / (1/2)
    return np.asarray(((2 * sums - 765) // 9).clip(0, 255).astype(np.uint8))
