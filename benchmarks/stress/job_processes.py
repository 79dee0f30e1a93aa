"""The processes of one job, told apart from everybody else's: those of the session that its driver leads.

A driver is started as the leader of a new session. Whatever Ray starts for it stays in that session, also
after its parent is gone, so that neither names nor command lines have to be trusted.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Process:
    pid: int
    started: int
    """Clock ticks since boot: with the pid, it names a process for good."""
    role: str
    rss_mb: float


class Job:
    """`python -m pipeline run` in a session of its own, with what it says in a file.

    As a context, it leaves no process behind.
    """

    def __init__(
        self, manifest: Path, out: Path, settings: Sequence[str], log: Path, ray_folder: Path
    ) -> None:
        self.log = log
        self._log_begin = log.stat().st_size if log.exists() else 0
        sets = [word for setting in settings for word in ("--set", setting)]
        with log.open("ab") as file:
            self._driver = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "run", str(manifest), str(out), *sets],
                env={**os.environ, "RAY_TMPDIR": str(ray_folder)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, *error: object) -> None:
        self.left_behind(0)

    @property
    def exit_code(self) -> int | None:
        return self._driver.poll()

    def said(self) -> str:
        """Everything that this run has printed so far."""
        return self.log.read_bytes()[self._log_begin :].decode(errors="replace")

    def processes(self) -> list[Process]:
        """All that live, the driver among them."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and (process := self._read(folder)):
                found.append(process)
        return found

    def kill(self, process: Process) -> bool:
        """SIGKILL; False where the process had gone by itself."""
        now = self._read(Path(f"/proc/{process.pid}"))
        if now is None or now.started != process.started:
            return False
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def wait(self, timeout_s: float) -> int | None:
        """The exit code of the driver, or None where it runs on."""
        try:
            return self._driver.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def left_behind(self, grace_s: float) -> list[Process]:
        """What still lives so long after the driver's end; it is ended."""
        until = time.monotonic() + grace_s
        while (living := self.processes()) and time.monotonic() < until:
            time.sleep(0.2)
        for process in living:
            self.kill(process)
        return living

    def _read(self, folder: Path) -> Process | None:
        try:
            stat = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            return None  # it has ended
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        pid = int(folder.name)
        # Fields as in proc(5), from the state on: 0 state, 3 session, 19 start time, 21 resident pages.
        if int(fields[3]) != self._driver.pid or fields[0] == "Z":
            return None
        role = _role(name, command, is_driver=pid == self._driver.pid)
        return Process(pid, int(fields[19]), role, int(fields[21]) * _PAGE_BYTES / 1e6)


def _role(name: str, command: bytes, *, is_driver: bool) -> str:
    if is_driver:
        return "driver"
    if name in {"raylet", "gcs_server"}:
        return name
    if b"pipeline.engine.worker_process" in command:
        return "child"
    if command.startswith(b"ray::"):
        return "actor" if b"MapWorker" in command else "ray worker"
    return "other"
