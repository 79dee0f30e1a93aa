"""The plan of a job: which rows of the manifest make which part.

It follows from the manifest's rows and the settings alone, never from the machine, so that a job has the same
files wherever it runs.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST_PART = 512
"""Faces of a part where `output.faces_per_part` leaves it open, in all but small jobs."""
# A small job is cut into so many parts, for that many cores to share, as long as each keeps the cost of
# starting a worker small against its faces.
_FEWEST_PARTS, _SMALLEST_PART = 32, 16


def part_size(rows: int, setting: int | None) -> int:
    """Faces of a part: as set, or else 512, and fewer in jobs of less than 16,384 faces.

    Example:
        part_size(112, None)  # 16, so that seven cores can share the job
        part_size(1_000_000, None)  # 512
    """
    if setting is not None:
        return setting
    return min(LARGEST_PART, max(_SMALLEST_PART, math.ceil(rows / _FEWEST_PARTS)))


@dataclass(frozen=True)
class Segment:
    """Consecutive rows that came into the job at one time: at its beginning, or by one append."""

    first_row: int
    rows: int
    first_part: int
    faces_per_part: int
    fingerprint: str
    """That of the parts which are made from here on, until the next segment."""

    @property
    def n_parts(self) -> int:
        """Parts of these rows."""
        return math.ceil(self.rows / self.faces_per_part)


@dataclass(frozen=True)
class Plan:
    """All parts of a job's manifest; those of retries have plans of their own (`pipeline.job.retry`).

    Example:
        plan = Plan((Segment(0, 10, 0, 4, "f"),))
        list(plan.parts())  # [(0, 0, 4), (1, 4, 4), (2, 8, 2)]
    """

    segments: tuple[Segment, ...]
    """In the order of rows, and so of parts."""

    @property
    def n_rows(self) -> int:
        """Rows of the manifest."""
        return sum(segment.rows for segment in self.segments)

    @property
    def n_parts(self) -> int:
        """Parts of the manifest."""
        return sum(segment.n_parts for segment in self.segments)

    def parts(self) -> Iterator[tuple[int, int, int]]:
        """Number, first row and number of rows of each part."""
        for segment in self.segments:
            for n in range(segment.n_parts):
                offset = n * segment.faces_per_part
                count = min(segment.faces_per_part, segment.rows - offset)
                yield segment.first_part + n, segment.first_row + offset, count

    def starts(self) -> list[int]:
        """The first row of each part."""
        return [start for _, start, _ in self.parts()]

    def index_of_row(self, row: int) -> int:
        """Which of `parts` a row is in, counted from 0; not always the part's number.

        Raises:
            ValueError: the manifest has no such row.
        """
        if not 0 <= row < self.n_rows:
            raise ValueError(f"row {row}: the plan has rows 0 to {self.n_rows - 1}")
        before = 0
        for segment in self.segments:
            if row < segment.first_row + segment.rows:
                return before + (row - segment.first_row) // segment.faces_per_part
            before += segment.n_parts
        raise AssertionError("unreachable")

    def index_of_part(self, part: int) -> int | None:
        """Which of `parts` has a number; None for a part of a retry, or of another job."""
        before = 0
        for segment in self.segments:
            if segment.first_part <= part < segment.first_part + segment.n_parts:
                return before + part - segment.first_part
            before += segment.n_parts
        return None

    def fingerprint_of(self, part: int) -> str:
        """The fingerprint that a part must have been made with, also one of a retry."""
        at = bisect_right([segment.first_part for segment in self.segments], part) - 1
        return self.segments[max(at, 0)].fingerprint
