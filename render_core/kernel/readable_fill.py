"""Cells and fills in NumPy: the arithmetic of `cells.h` and `fill.c`, step by step, to the byte."""

from dataclasses import dataclass

import numpy as np

from render_core.kernel.inputs import ViewCells

# Shares of 255 within two of nothing or all make no difference that shows.
_NEGLIGIBLE = 2


# Colours of the cells for head and backdrop; None where no pixel is trusted.
Spread = tuple[np.ndarray | None, np.ndarray | None]


@dataclass(frozen=True)
class CellPlaces:
    """Where some pixels lie among the cells, and whether they are looked at as head or as backdrop."""

    cells: ViewCells
    row: np.ndarray
    column: np.ndarray
    on_head: np.ndarray

    def pick(self, which: np.ndarray) -> "CellPlaces":
        """Some of the pixels."""
        return CellPlaces(self.cells, self.row[which], self.column[which], self.on_head[which])

    def between(self, plane: np.ndarray) -> np.ndarray:
        """float32 (n,): values of cells, between the middles of four."""
        above, below, down = self._between(self.row)
        left, right, across = self._between(self.column)
        size = 2 * self.cells.cell_px
        whole = plane.astype(np.int32)
        # Rows are mixed in whole numbers, columns in float32.
        mixed_left, mixed_right = (
            (whole[above, side] * (size - down) + whole[below, side] * down).astype(np.float32)
            for side in (left, right)
        )
        value = mixed_left * (size - across).astype(np.float32) + mixed_right * across.astype(np.float32)
        return np.asarray(value * self.step)

    def shares(self, planes: np.ndarray) -> np.ndarray:
        """int32 (n,): shares of 256 from the cells of each pixel's kind."""
        if not self.cells.side:
            return np.zeros(len(self.row), np.int32)
        head, backdrop = (self.between(plane) for plane in planes)
        share = (np.where(self.on_head, head, backdrop) + np.float32(0.5)).astype(np.int32)
        share[share <= _NEGLIGIBLE] = 0
        share[share >= 255 - _NEGLIGIBLE] = 255
        return share + (share >> 7)

    def spread_colour(self, colour: np.ndarray) -> np.ndarray:
        """int32 (3, n): spread colours "side side 3", between the middles of four cells."""
        above, below, down = self._between(self.row)
        left, right, across = self._between(self.column)
        x0, y0 = ((2 * self.cells.cell_px - rest).astype(np.float32) for rest in (across, down))
        x1, y1 = across.astype(np.float32), down.astype(np.float32)
        planes = np.moveaxis(colour, 2, 0).astype(np.float32)
        mixed_left, mixed_right = (
            planes[:, above, side] * y0 + planes[:, below, side] * y1 for side in (left, right)
        )
        return np.asarray(((mixed_left * x0 + mixed_right * x1) * self.step).astype(np.int32))

    @property
    def step(self) -> np.float32:
        return np.float32(1) / np.float32(4 * self.cells.cell_px**2)

    def _between(self, pixel: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cell before each pixel, the one after it, and how far after the first, of 2 `cell_px`."""
        # x / cell + 1 / (2 cell) - 1/2 = (2 x + 1 - cell) / (2 cell)
        cell_px, last = self.cells.cell_px, self.cells.side - 1
        place, rest = np.divmod(2 * pixel + 1 - cell_px, np.int32(2 * cell_px))
        return place.clip(0, last), (place + 1).clip(0, last), rest


def blend(levels: np.ndarray, places: CellPlaces, spread: Spread) -> None:
    """Give pixels, int32 (3 or 4, n), their share of the spread colours of their kind."""
    share = places.shares(places.cells.fill)
    for colour, of_kind in zip(spread, (places.on_head, ~places.on_head), strict=True):
        pixel = np.flatnonzero((share > 0) & of_kind)
        if colour is None or not pixel.size:
            continue
        part = share[pixel]
        filled = levels[:3, pixel] * 256 * (256 - part) + places.pick(pixel).spread_colour(colour) * part
        levels[:3, pixel] = (filled + (1 << 15)) >> 16


def spread_colours(cells: ViewCells, head_mask: np.ndarray, levels: np.ndarray) -> Spread:
    """int32 (side, side, 3), for head and backdrop: colours for all cells, from pixels of trusted ones."""
    head, backdrop = (
        _spread(*_mean_colours(cells, trust, mask, levels))
        for trust, mask in zip(cells.trust, (head_mask, ~head_mask), strict=True)
    )
    return head, backdrop


def _mean_colours(
    cells: ViewCells, trust: np.ndarray, mask: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mean colour of the pixels in the mask in each cell, in 1/256 levels, and its weight, 0 to 255."""
    side, cell = cells.side, cells.cell_px
    # Of large cells every other row and column is enough, without the first.
    stride = 2 if cell >= 4 else 1
    whole = np.zeros((4, side * cell, side * cell), np.int32)
    rows, columns = (min(size, side * cell) for size in mask.shape)
    picture = levels[:3].reshape(3, *mask.shape)
    whole[:3, :rows, :columns] = (picture * mask)[:, :rows, :columns]
    whole[3, :rows, :columns] = mask[:rows, :columns]
    looked_at = whole.reshape(4, side, cell, side, cell)[:, :, stride - 1 :: stride, :, stride - 1 :: stride]
    sums = looked_at.sum(axis=(2, 4), dtype=np.int32)
    known = (sums[3] > 0) & (trust > 0)
    count = np.where(known, sums[3], 1)
    # 256 sums / count
    colour = np.where(known, (sums[:3] * ((1 << 20) // count)) >> 12, 0)
    share = np.float32(1) / np.float32(looked_at[0, 0, :, 0].size)
    weight = np.where(
        known, ((trust.astype(np.int32) * sums[3]).astype(np.float32) * share).astype(np.int32), 0
    )
    return np.moveaxis(colour, 0, 2), weight


def _spread(colour: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
    """What a cell does not know it takes from a coarser level, where each cell stands for two by two."""
    side = len(weight)
    if side == 1:
        return colour if weight[0, 0] else None
    half = (side + 1) // 2
    even = np.pad(colour * weight[..., None], ((0, 2 * half - side),) * 2 + ((0, 0),))
    sums = even.reshape(half, 2, half, 2, 3).sum(axis=(1, 3), dtype=np.int32)
    weights = (
        np.pad(weight, ((0, 2 * half - side),) * 2).reshape(half, 2, half, 2).sum(axis=(1, 3), dtype=np.int32)
    )
    inverse = np.where(weights > 0, (1 << 24) // np.maximum(weights, 1), 0).astype(np.int64)
    mean = ((sums * inverse[..., None]) >> 24).astype(np.int32)
    coarse = _spread(mean, np.minimum(weights, 255))
    if coarse is None:
        return None

    place = np.arange(side)
    near, far = place // 2, (place // 2 + np.where(place % 2, 1, -1)).clip(0, half - 1)
    across = 3 * coarse[:, near] + coarse[:, far]
    around = (3 * across[near] + across[far]) >> 4
    share = (weight + (weight >> 7))[..., None]
    return np.asarray((share * colour + (256 - share) * around) >> 8)
