"""The line that a person sees: live in a terminal, once a minute in a log."""

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from pipeline.monitor.progress import Progress

_LINE_EVERY_S = 60.0
_CLEAR = "\r\033[K"


@dataclass
class ProgressLine:
    """Shows a progress on a stream; several threads may ask it to."""

    progress: Progress
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock_s: Callable[[], float] = time.monotonic
    _shown_s: float = float("-inf")
    _last: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def live(self) -> bool:
        """Whether a terminal shows it, and not a log."""
        return self.stream.isatty()

    def show(self) -> None:
        """Show the state, where it is time to; nothing before the first part is done."""
        if not self.progress.done:
            return
        with self._lock:
            at_end = self.progress.faces == self.progress.total
            if self.live:
                line = self.progress.line(shutil.get_terminal_size().columns)
                self._write(f"{_CLEAR}{line}")
            elif self.clock_s() - self._shown_s >= _LINE_EVERY_S or (at_end and not self._last):
                line = self.progress.line()
                self._write(f"{line}\n")
            else:
                return
            self._shown_s = self.clock_s()
            self._last = line if at_end else ""

    def clear(self) -> None:
        """Make room in a terminal for something else; the next `show` brings the line back."""
        if self.live and self.progress.done:
            with self._lock:
                self._write(_CLEAR)

    def close(self) -> None:
        """End the live line."""
        if self.live and self.progress.done:
            with self._lock:
                self._write("\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a terminal that was closed does not end the job
            print(text, end="", file=self.stream, flush=True)
