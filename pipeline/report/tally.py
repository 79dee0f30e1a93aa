"""Statistics of any number of faces in little memory: histograms that take their values batch by batch."""

from dataclasses import dataclass, field

import numpy as np

_MOST_BINS = 4096


@dataclass
class Histogram:
    """Counts of values in bins of one width, wherever on the axis they are.

    Where the values would take more than 4096 bins, the bins become twice as wide until they do not; bins
    begin at multiples of their width, so that two neighbours make one of the next.
    """

    width: float
    """Of a bin, in the unit of the values."""
    first: int = 0
    """The first bin begins at `first * width`."""
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64 (bins,)."""
    least: float = float("inf")
    greatest: float = float("-inf")

    @property
    def total(self) -> int:
        """Number of finite values."""
        return int(self.counts.sum())

    def add(self, values: np.ndarray) -> None:
        """Count a batch of numbers, float (n,)."""
        finite = values[np.isfinite(values)].astype(np.float64)
        if not len(finite):
            return
        self.least = min(self.least, float(finite.min()))
        self.greatest = max(self.greatest, float(finite.max()))
        while self._bin(self.greatest) - self._bin(self.least) >= _MOST_BINS:
            self._widen()
        bins = np.floor(finite / self.width).astype(np.int64)
        first, last = self._bin(self.least), self._bin(self.greatest)
        counts = np.bincount(bins - first, minlength=last - first + 1)
        if len(self.counts):
            start = self.first - first
            counts[start : start + len(self.counts)] += self.counts
        self.first, self.counts = first, counts

    def quantile(self, share: float) -> float:
        """The value below which this share of the values lies, as near as the bins tell.

        Raises:
            ValueError: there are no values.
        """
        if not self.total:
            raise ValueError("a quantile of no values; add some first")
        at = int(np.searchsorted(np.cumsum(self.counts), share * self.total))
        middle = (self.first + min(at, len(self.counts) - 1) + 0.5) * self.width
        return float(np.clip(middle, self.least, self.greatest))

    def rebinned(self, width: float) -> tuple[np.ndarray, np.ndarray]:
        """Counts in bins of about `width`: int64 (n,), and the edges of these bins: float64 (n + 1,)."""
        ratio = max(1, round(width / self.width))
        bins = np.arange(self.first, self.first + len(self.counts)) // ratio
        first = int(bins[0])
        counts = np.bincount(bins - first, weights=self.counts).astype(np.int64)
        return counts, (first + np.arange(len(counts) + 1)) * ratio * self.width

    def _bin(self, value: float) -> int:
        return int(np.floor(value / self.width))

    def _widen(self) -> None:
        self.width *= 2
        if not len(self.counts):
            return
        pairs = np.arange(self.first, self.first + len(self.counts)) // 2
        self.first = int(pairs[0])
        self.counts = np.bincount(pairs - self.first, weights=self.counts).astype(np.int64)


@dataclass(frozen=True, order=True)
class Place:
    """Where a row of the results is."""

    part: int
    index: int
    """Row of the part's file, from 0."""


@dataclass
class Smallest:
    """The rows with the smallest scores of all that were added; ties go to the earlier row."""

    limit: int
    _scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _places: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def add(self, scores: np.ndarray, part: int, indices: np.ndarray) -> None:
        """Look at rows of a part: scores, float (n,), of which NaN are left out, and places, int (n,)."""
        finite = np.isfinite(scores)
        places = np.column_stack([np.full(int(finite.sum()), part), indices[finite]])
        scores = np.concatenate([self._scores, scores[finite]])
        places = np.concatenate([self._places, places])
        best = np.lexsort((places[:, 1], places[:, 0], scores))[: self.limit]
        self._scores, self._places = scores[best], places[best]

    @property
    def places(self) -> list[Place]:
        """The rows, the smallest score first."""
        return [Place(int(part), int(index)) for part, index in self._places]
