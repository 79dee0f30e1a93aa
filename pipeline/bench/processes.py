"""Processor time of this process and all that it started, by what they do (Linux; elsewhere nothing).

Ray's workers are not children of the driver and may outlive their parents, so the process tree is sampled
while the job runs.
"""

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PERIOD_S = 0.25
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    started: int
    cpu_s: float
    role: str


class CpuWatch:
    """Watches from entering the context to leaving it."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, Counter[str]]] = []
        self._spent: dict[tuple[int, int], tuple[str, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def between(self, begin_s: float, end_s: float) -> dict[str, float]:
        """Seconds of processor time by role between two times of `time.time`."""
        spent = self._at(end_s)
        spent.subtract(self._at(begin_s))
        return {role: seconds for role, seconds in sorted(spent.items()) if seconds > 0}

    def _at(self, when_s: float) -> Counter[str]:
        """What had been spent at a time, in a straight line between the samples around it."""
        before = max((sample for sample in self._samples if sample[0] <= when_s), default=None)
        after = min((sample for sample in self._samples if sample[0] > when_s), default=None)
        if before is None or after is None:
            nearest = before or after
            return Counter() if nearest is None else Counter(nearest[1])
        share = (when_s - before[0]) / (after[0] - before[0])
        roles = before[1] | after[1]
        between = {role: before[1][role] + share * (after[1][role] - before[1][role]) for role in roles}
        return Counter(between)

    def _watch(self) -> None:
        while not self._stop.wait(_PERIOD_S):
            self._sample()
        self._sample()

    def _sample(self) -> None:
        now, found = time.time(), _processes()
        # A number alone may have gone to a process of somebody else since.
        ours = {os.getpid()} | {p.pid for p in found if (p.pid, p.started) in self._spent}
        while True:
            more = {process.pid for process in found if process.parent in ours} - ours
            if not more:
                break
            ours |= more
        for process in found:
            if process.pid in ours:
                key = (process.pid, process.started)
                # A process that has ended but was not waited for has no command line left.
                role = process.role or self._spent.get(key, ("others", 0.0))[0]
                role = "driver" if process.pid == os.getpid() else role
                self._spent[key] = (role, process.cpu_s)
        total: Counter[str] = Counter()
        for role, cpu_s in self._spent.values():
            total[role] += cpu_s  # type: ignore[assignment]
        self._samples.append((now, total))


def _processes() -> list[_Process]:
    found = []
    for folder in _PROC.iterdir() if _PROC.is_dir() else ():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended
            # proc(5): the name in brackets may hold anything; then, from the state on, 1 parent, 11 and 12
            # user and system time, 19 start.
            name, _, rest = stat.partition("(")[2].rpartition(")")
            fields = rest.split()
            cpu_s = (int(fields[11]) + int(fields[12])) * _TICK_S
            pid = int(folder.name)
            found.append(_Process(pid, int(fields[1]), int(fields[19]), cpu_s, _role(name, command)))
    return found


def _role(name: str, command: bytes) -> str:
    """The role of a process; empty where it is not known any more."""
    if not command:
        return ""
    if b"pipeline.engine.worker_process" in command:
        return "workers"
    if command.startswith(b"ray::"):
        return "actors"
    return "Ray's own processes" if name in {"raylet", "gcs_server"} or b"/ray/" in command else "others"
