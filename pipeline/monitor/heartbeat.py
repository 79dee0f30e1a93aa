"""`_heartbeat.json`: a sign of life in the output folder, for those who watch a job from elsewhere.

No part of the results: it is written over and over, nothing reads it back, and a folder that cannot take it
costs the job nothing.
"""

import contextlib
import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pipeline.errors import without_secrets
from pipeline.io.storage import Folder
from pipeline.monitor.progress import Progress

HEARTBEAT_NAME = "_heartbeat.json"
Phase = Literal["starting", "running", "finished", "failed", "interrupted"]
"""A file that still says `running` long after its `time` is that of a job that was killed."""


@dataclass(frozen=True)
class Heartbeat:
    """Writes the state of a job into its output folder."""

    out: Folder
    progress: Progress

    def write(self, phase: Phase, error: str | None = None) -> None:
        """Write the state, whole or not at all. Whatever goes wrong is left for the next time: no job ends by
        this."""
        record = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "phase": phase,
            "host": platform.node(),
            "pid": os.getpid(),
            **self.progress.record(),
        }
        if error is not None:
            record["error"] = without_secrets(error)
        with contextlib.suppress(Exception):
            self.out.write(HEARTBEAT_NAME, json.dumps(record, indent=1).encode())
