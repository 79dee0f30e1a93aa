"""What a supervisor tells a stage about faces that brought a worker down, and what a stage tells about
its work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.reasons import Reason, Stage

Report = Callable[[Stage, Sequence[int]], None]
"""Called by a stage before it touches faces, with their rows in the manifest; with no rows when it is
done."""


def report_nothing(stage: Stage, rows: Sequence[int]) -> None:
    """For stages that nobody watches."""


@dataclass(frozen=True)
class Exclusion:
    """Why a face is not touched again."""

    stage: Stage
    reason: Reason
    detail: str
    attempts: int


@dataclass(frozen=True)
class Care:
    """How to go about a part whose worker died or hung before."""

    exclusions: dict[int, Exclusion] = field(default_factory=dict)
    """Row of the manifest -> why it becomes a reject untouched."""
    tried_singly: frozenset[int] = frozenset()
    """First rows of pose batches whose faces are each tried alone before the batch, to find the one at
    fault."""
    posed_singly: frozenset[int] = frozenset()
    """First rows of pose batches that never go through whole, although each face does alone."""


NO_CARE = Care()
