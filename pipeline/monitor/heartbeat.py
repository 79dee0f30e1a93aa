"""`_heartbeat.json`: a sign of life in the output folder, for those who watch a job from elsewhere.

No part of the results: it is written over and over, and a folder that cannot take it costs the job nothing.
Another run of the same job, which writes its own sign of life there, is noticed by it.
"""

import contextlib
import json
import os
import platform
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from faceposenet.redaction import without_secrets
from pipeline.io.storage import Folder
from pipeline.monitor.progress import Progress

HEARTBEAT_NAME = "_heartbeat.json"
Phase = Literal["starting", "running", "finished", "failed", "interrupted"]
"""A file that still says `running` long after its `time` is that of a job that was killed."""
_MISSED_BEATS = 3


def heartbeat_of_shard(number: int, count: int) -> str:
    """What the heartbeat of a shard is called."""
    return f"_heartbeat-{number}-of-{count}.json"


@dataclass(frozen=True)
class Heartbeat:
    """Writes the state of a job into its output folder."""

    out: Folder
    progress: Progress
    interval_s: float = 30.0
    """How often it is written."""
    name: str = HEARTBEAT_NAME
    """Its file: shards of one job have one each."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells this run from others."""

    def write(self, phase: Phase, error: str | None = None) -> None:
        """Write the state, whole or not at all. Whatever goes wrong is left for the next time: no job ends by
        this."""
        record = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "phase": phase,
            "host": platform.node(),
            "pid": os.getpid(),
            "run": self.run,
            "interval_s": self.interval_s,
            **self.progress.record(),
        }
        if error is not None:
            record["error"] = without_secrets(error)
        with contextlib.suppress(Exception):
            self.out.write(self.name, json.dumps(record, indent=1).encode())

    def other_run(self) -> str | None:
        """Another run that is at work in the folder, in words; None where none shows a sign of life."""
        try:
            record = json.loads(self.out.read(self.name) or b"{}")
            if record.get("run", self.run) == self.run or record["phase"] not in ("starting", "running"):
                return None
            age_s = (datetime.now(UTC) - datetime.fromisoformat(record["time"])).total_seconds()
            here = record["host"] == platform.node()
            if age_s > _MISSED_BEATS * float(record["interval_s"]) or (here and not _lives(record["pid"])):
                return None
            return (
                f"process {int(record['pid'])} on {str(record['host'])[:60]!r}, {max(0, round(age_s))} s ago"
            )
        except Exception:  # whatever another program wrote there
            return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
