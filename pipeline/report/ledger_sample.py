"""What the ledger of a large job says of all parts, and a sample of the parts to look into.

Reading the poses of 100,000 parts takes minutes of processor time and shows the same charts as two hundred of
them: the error of a share is below 0.2 % with 100,000 faces.
"""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.io.storage import Folder
from pipeline.job.ledger import committed_parts, read_entries
from pipeline.job.summary import Totals

MOST_PARTS = 200
"""Parts that are looked into; jobs of no more are read as a whole."""


class PartRows(NamedTuple):
    """Size of a part."""

    part: int
    rows: int


@dataclass
class LedgerSums:
    """The ledger in little memory."""

    totals: Totals = field(default_factory=Totals)
    sizes: list[PartRows] = field(default_factory=list)
    parts_with_rejects: list[int] = field(default_factory=list)

    @property
    def parts(self) -> list[int]:
        """Numbers of all parts, rising."""
        return [size.part for size in self.sizes]


def read_ledger(out: Folder) -> LedgerSums:
    """Read all entries, one at a time."""
    sums = LedgerSums()
    for entry in read_entries(out, sorted(committed_parts(out))):
        sums.totals = sums.totals.plus(entry)
        sums.sizes.append(PartRows(entry.part, entry.rows))
        if entry.rejected:
            sums.parts_with_rejects.append(entry.part)
    return sums


def sample_of(parts: list[int], seed: int, most: int = MOST_PARTS) -> list[int]:
    """Some of the parts, rising, the same ones for the same seed.

    Example:
        sample_of([0, 1, 2], seed=0)  # all three
    """
    return parts if len(parts) <= most else sorted(random.Random(seed).sample(parts, most))
