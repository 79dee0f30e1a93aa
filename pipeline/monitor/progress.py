"""How far a job is: faces, rate, rejects by reason, time left, in numbers and in a line of words."""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.job.ledger import LedgerEntry

# Parts come in bursts, as many as there are workers; over some minutes they are even.
_RECENT_S = 300.0
_BAR_WIDTH = 20


# A stage whose actors are busy for more than this share of the time takes all it can.
_SATURATED = 0.9


@dataclass(frozen=True)
class StageLoad:
    """How busy a stage is at one moment."""

    stage: str
    waiting: int
    """Parts that wait for it."""
    actors: int
    busy: int
    """Actors that are at a part."""


def slowest_stage(loads: Sequence[StageLoad]) -> StageLoad | None:
    """The stage that the others wait for; loads in the order of the stages, None where there is but one.

    The last of those whose actors are all busy: stages before it are busy too, since they wait for room.
    """
    working = [load for load in loads if load.actors]
    if len(loads) < 2 or not working:
        return None
    full = [load for load in working if load.busy >= _SATURATED * load.actors]
    return full[-1] if full else max(working, key=lambda load: load.busy / load.actors)


@dataclass
class Progress:
    """Counts of a running job. The rate is that of the last minutes: a slow start is soon forgotten."""

    total: int
    """Faces of the whole manifest."""
    done_before: int = 0
    """Faces that earlier runs committed."""
    clock_s: Callable[[], float] = time.monotonic
    loads: Callable[[], Sequence[StageLoad]] = tuple
    """How busy each stage is now, where several work side by side."""
    done: int = 0
    posed: int = 0
    views: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    _started_s: float = field(init=False)
    _recent: deque[tuple[float, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._started_s = self.clock_s()
        self._recent = deque([(self._started_s, 0)])

    def add(self, entry: LedgerEntry) -> None:
        """Count a committed part."""
        self.done += entry.rows
        self.posed += entry.posed
        self.views += entry.views
        self.rejects.update(entry.rejects_by_reason)
        now = self.clock_s()
        self._recent.append((now, self.done))
        while self._recent[1][0] < now - _RECENT_S:
            self._recent.popleft()

    @property
    def faces(self) -> int:
        """Faces that are done, now or before."""
        return self.done_before + self.done

    @property
    def faces_per_s(self) -> float:
        """Rate over the last minutes of this run."""
        since_s, done = self._recent[0]
        return (self.done - done) / max(self.clock_s() - since_s, 1e-9)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return self.clock_s() - self._started_s

    @property
    def left_s(self) -> float | None:
        """Seconds to the end at the present rate; None before the first part is done."""
        left = self.total - self.faces
        if left == 0:
            return 0.0
        return left / self.faces_per_s if self.faces_per_s else None

    def record(self) -> dict[str, Any]:
        """The numbers, for JSON."""
        left_s = self.left_s
        return {
            "faces": self.total,
            "faces_done": self.faces,
            "faces_done_this_run": self.done,
            "posed_this_run": self.posed,
            "rejects_this_run": dict(sorted(self.rejects.items())),
            "views_this_run": self.views,
            "faces_per_s": round(self.faces_per_s, 2),
            "elapsed_s": round(self.elapsed_s, 1),
            "left_s": None if left_s is None else round(left_s, 1),
            "stages": [asdict(load) for load in self.loads()],
        }

    def line(self, columns: int | None = None) -> str:
        """The state in words; in a terminal of `columns` columns with a bar, shortened to fit."""
        share = self.faces / self.total if self.total else 1.0
        rejected = f"{self.rejects.total():,} rejected"
        start = f"{self.faces:,} of {self.total:,} faces ({share:.0%}), {self.faces_per_s:.1f} faces/s, "
        short = f"{start}{rejected}, {self._left()}"
        by_reason = ", ".join(f"{count:,} {reason}" for reason, count in self.rejects.most_common(3))
        full = f"{start}{rejected} ({by_reason}), {self._left()}" if by_reason else short
        if columns is None:
            slowest = slowest_stage(self.loads())
            return f"{full}; {_slowest(slowest)}" if slowest else full
        filled = int(share * _BAR_WIDTH)
        bar = "[" + "#" * filled + "-" * (_BAR_WIDTH - filled) + "] "
        shown = next((text for text in (bar + full, full, bar + short, short) if len(text) < columns), short)
        return shown[: columns - 1]

    def _left(self) -> str:
        left_s = self.left_s
        if left_s == 0:
            return f"done in {_duration(self.elapsed_s)}"
        return "time left unknown" if left_s is None else f"{_duration(left_s)} left"


def _slowest(load: StageLoad) -> str:
    busy = f"{load.busy} of {load.actors} actors busy"
    return f"slowest stage: {load.stage} ({busy}, {load.waiting:,} parts waiting)"


def _duration(seconds: float) -> str:
    minutes, whole_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole_s:02d} s" if minutes else f"{whole_s} s"
