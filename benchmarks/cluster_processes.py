"""Processor time and memory of the actors of a job, and of the processes that they watch, by stage
(Linux)."""

import os
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_PERIOD_S = 0.3
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_ACTOR = re.compile(rb"ray::MapWorker\(MapBatches\((\w+)\)\)")


@dataclass
class StageProcesses:
    """Watches all actors of Ray Data on this machine from entering the context to leaving it."""

    cpu_s: dict[tuple[str, str], dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """(stage, actor or child) -> process -> seconds of processor time so far."""
    peak_mb: dict[str, float] = field(default_factory=dict)
    """Stage -> most memory that an actor and its child had for themselves at one moment."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def seconds(self) -> dict[str, float]:
        """Seconds of processor time by stage and role."""
        return {f"{stage} {role}": sum(spent.values()) for (stage, role), spent in sorted(self.cpu_s.items())}

    def _watch(self) -> None:
        while not self._stop.wait(_PERIOD_S):
            self.sample()

    def sample(self) -> None:
        """Look at all processes once."""
        actors: dict[int, str] = {}
        parents: dict[int, int] = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                command = (folder / "cmdline").read_bytes()
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            pid = int(folder.name)
            if match := _ACTOR.match(command):
                actors[pid] = match[1].decode().lower()
                self._spent(actors[pid], "actor", pid, fields)
            elif b"pipeline.engine.worker_process" in command:
                parents[pid] = int(fields[1])
                if (stage := actors.get(parents[pid])) is not None:
                    self._spent(stage, "child", pid, fields)
        own = {pid: _own_mb(pid) for pid in (*actors, *parents)}
        for actor, stage in actors.items():
            children = sum(own[pid] for pid, parent in parents.items() if parent == actor)
            self.peak_mb[stage] = max(self.peak_mb.get(stage, 0.0), own[actor] + children)

    def _spent(self, stage: str, role: str, pid: int, fields: list[str]) -> None:
        # Fields as in proc(5), from the state on: 11 and 12 are user and system time.
        self.cpu_s[stage, role][pid] = (int(fields[11]) + int(fields[12])) * _TICK_S


def _own_mb(pid: int) -> float:
    """Memory that a process shares with no other: what it adds to a node's need."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024
