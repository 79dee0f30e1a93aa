"""Watching a job while it runs: the line for people, the heartbeat, the metrics, each in its own time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.io.storage import Folder
from pipeline.job.ledger import LedgerEntry
from pipeline.monitor.heartbeat import HEARTBEAT_NAME, Heartbeat, Phase
from pipeline.monitor.line import ProgressLine
from pipeline.monitor.metrics import JobMetrics
from pipeline.monitor.progress import Progress

_TICK_S = 1.0
_LOOKED_AGAIN_S = 5.0


class Watch:
    """Tells of parts as they are committed, and of time as it passes."""

    def __init__(
        self,
        progress: Progress,
        out: Folder,
        heartbeat_s: float | None,
        say: Callable[[str], None],
        heartbeat: str = HEARTBEAT_NAME,
    ) -> None:
        """`heartbeat_s`: seconds between heartbeats, None for none; `heartbeat`: the name of their file."""
        self._progress = progress
        self._line = ProgressLine(progress)
        self._heartbeat = Heartbeat(out, progress, heartbeat_s or 0.0, name=heartbeat)
        self._heartbeat_s = heartbeat_s
        self._say = say
        self._metrics = JobMetrics(out.location)
        self._said_other = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    def add(self, entry: LedgerEntry) -> None:
        """Count a committed part."""
        self._progress.add(entry)
        self._metrics.add(entry, self._progress)
        self._line.show()

    def say(self, text: str) -> None:
        """Print a message above the progress line."""
        self._line.clear()
        self._say(text)

    def end(self, phase: Phase, error: str | None = None) -> None:
        """Write the final heartbeat and stop."""
        self._ended.set()
        self._thread.join()
        self._line.close()
        if self._heartbeat_s is not None:
            self._heartbeat.write(phase, error)

    def _tell(self) -> None:
        began_s, last_s, looked_again = time.monotonic(), float("-inf"), False
        while True:
            # Two runs that begin at the same time each find nothing before their first beats.
            if self._heartbeat_s is not None and not looked_again:
                looked_again = time.monotonic() - began_s >= _LOOKED_AGAIN_S
                if looked_again:
                    self._look_for_another_run()
            if self._heartbeat_s is not None and time.monotonic() - last_s >= self._heartbeat_s:
                last_s = time.monotonic()
                self._look_for_another_run()
                self._heartbeat.write("running" if self._progress.done else "starting")
            if self._ended.wait(_TICK_S):
                return
            self._line.show()

    def _look_for_another_run(self) -> None:
        """Say once that somebody else does the same work."""
        other = None if self._said_other else self._heartbeat.other_run()
        if other is not None:
            self._said_other = True
            self.say(
                f"another run is at work in this folder ({other}): both do the same parts, to the same "
                "bytes, at twice the cost. End one of them"
            )


@contextmanager
def watched(
    progress: Progress,
    out: Folder,
    heartbeat_s: float | None,
    say: Callable[[str], None],
    heartbeat: str = HEARTBEAT_NAME,
) -> Iterator[Watch]:
    """Watches the job that runs inside the `with` block, and reports how it ended."""
    watch = Watch(progress, out, heartbeat_s, say, heartbeat)
    try:
        yield watch
    except (KeyboardInterrupt, SystemExit):
        watch.end("interrupted")
        raise
    except BaseException as error:
        watch.end("failed", str(error))
        raise
    watch.end("finished")
