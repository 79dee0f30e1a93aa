"""What a person sees while a job runs: faces done, faces per second, rejects, time left."""

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

from pipeline.ledger import LedgerEntry

_LINE_EVERY_S = 60.0


@dataclass
class Progress:
    """Counts of a running job, as one live line, or as one line a minute where no terminal reads them."""

    total: int
    """Faces of the whole manifest."""
    done_before: int = 0
    """Faces that earlier runs committed."""
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    done: int = 0
    rejected: int = 0
    _started_s: float = field(default_factory=time.monotonic)
    _shown_s: float = float("-inf")

    def add(self, entry: LedgerEntry) -> None:
        """Count a committed part and show the state, where it is time to."""
        self.done += entry.rows
        self.rejected += entry.rejected
        now = time.monotonic()
        live = self.stream.isatty()
        if live or now - self._shown_s >= _LINE_EVERY_S or self.done_before + self.done == self.total:
            self._shown_s = now
            print(
                f"\r\033[K{self.line()}" if live else self.line(),
                end="" if live else "\n",
                file=self.stream,
                flush=True,
            )

    def close(self) -> None:
        """End the live line."""
        if self.stream.isatty() and self.done:
            print(file=self.stream)

    def line(self) -> str:
        """The state in words."""
        done = self.done_before + self.done
        share = done / self.total if self.total else 1.0
        return (
            f"{done:,} of {self.total:,} faces ({share:.0%}), {self.faces_per_s:.1f} faces/s, "
            f"{self.rejected:,} rejected, {self._left()}"
        )

    @property
    def faces_per_s(self) -> float:
        """Mean rate of this run."""
        return self.done / max(self.elapsed_s, 1e-9)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started_s

    def _left(self) -> str:
        rest = self.total - self.done_before - self.done
        if rest == 0:
            return f"done in {_duration(self.elapsed_s)}"
        return f"{_duration(rest / self.faces_per_s)} left" if self.done else "time left unknown"


def _duration(seconds: float) -> str:
    minutes, whole_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole_s:02d} s" if minutes else f"{whole_s} s"
