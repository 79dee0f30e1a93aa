"""Prometheus metrics of a job, exported by Ray on each node's metrics endpoint.

Without Ray they do nothing, and Ray is not imported for them. Names get the prefix `ray_` there, and
counters the suffix `_total`. configs/grafana.json draws them.
"""

import sys
from typing import Any

from pipeline.io.storage import without_credentials
from pipeline.job.ledger import LedgerEntry
from pipeline.monitor.progress import Progress

# A part takes from a second (a few faces) to many minutes (thousands of them on one core).
_PART_S = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]


class JobMetrics:
    """What the driver knows of a job; made before Ray runs, or without it."""

    def __init__(self, out: str) -> None:
        """Args:
        out: the output folder, the label by which metrics distinguish jobs.
        """
        self._label = {"output": without_credentials(out)}
        self._made: dict[str, Any] | None = None

    def add(self, entry: LedgerEntry, progress: Progress) -> None:
        """Count a committed part."""
        ray = sys.modules.get("ray")
        if ray is None or not ray.is_initialized():
            return
        if self._made is None:
            self._made = _driver_metrics(self._label)
        made = self._made
        _count(made["faces_posed"], entry.posed)
        for reason, count in entry.rejects_by_reason.items():
            _count(made["faces_rejected"], count, {"reason": reason})
        _count(made["views"], entry.views)
        _count(made["parts"], 1)
        made["faces_left"].set(progress.total - progress.faces)
        made["faces_per_second"].set(progress.faces_per_s)
        for load in progress.loads():
            stage = {"stage": load.stage}
            made["stage_parts_waiting"].set(load.waiting, stage)
            made["stage_actors"].set(load.actors, stage)
            made["stage_actors_busy"].set(load.busy, stage)


class StageMetrics:
    """What an actor knows of its stages; made inside a Ray worker."""

    def __init__(self, out: str, kind: str) -> None:
        """`kind`: what the actor does of a part (`whole`, `decode`, `pose` or `render`)."""
        # Ray is running here, or there would be no actor.
        from ray.util.metrics import Counter, Histogram  # noqa: PLC0415

        label = {"output": without_credentials(out)}
        self._stage_s = Counter(
            "faceposenet_stage_seconds",
            "Seconds that worker processes spent in a stage (decode, pose, render).",
            ("output", "stage"),
        ).set_default_tags(label)
        self._part_s = Histogram(
            "faceposenet_part_seconds",
            "Seconds that an actor took for what it does of a part.",
            _PART_S,
            ("output", "actor"),
        ).set_default_tags({**label, "actor": kind})

    def add(self, part_s: float, stage_s: dict[str, float]) -> None:
        """Count what an actor did of a part, with the seconds of each stage."""
        self._part_s.observe(part_s)
        for stage, seconds in stage_s.items():
            _count(self._stage_s, seconds, {"stage": stage})


def _driver_metrics(label: dict[str, str]) -> dict[str, Any]:
    from ray.util.metrics import Counter, Gauge  # noqa: PLC0415

    kinds = {
        "faces_posed": (Counter, "Faces that got a pose.", ()),
        "faces_rejected": (Counter, "Faces that got none, by reason.", ("reason",)),
        "views": (Counter, "Views that were rendered.", ()),
        "parts": (Counter, "Parts that were committed.", ()),
        "faces_left": (Gauge, "Faces that are still to be done.", ()),
        "faces_per_second": (Gauge, "Faces a second over the last minutes.", ()),
        "stage_parts_waiting": (Gauge, "Parts that wait for a stage.", ("stage",)),
        "stage_actors": (Gauge, "Actors that a stage has.", ("stage",)),
        "stage_actors_busy": (Gauge, "Actors of a stage that are at a part.", ("stage",)),
    }
    made = {}
    for name, (kind, text, tags) in kinds.items():
        made[name] = kind(f"faceposenet_{name}", text, ("output", *tags))
        made[name].set_default_tags(label)
    return made


def _count(counter: Any, value: float, tags: dict[str, str] | None = None) -> None:
    if value > 0:  # Ray's counters refuse to count nothing
        counter.inc(value, tags)
