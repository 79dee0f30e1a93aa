"""The actors of the stages. They import neither OpenCV nor ONNX Runtime: the processes that they watch do."""

import time
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from pipeline.engine.ray.nodes import differences, versions_here
from pipeline.engine.ray.rows import buffers_of, row_with
from pipeline.engine.supervisor import Supervisor
from pipeline.errors import ResourceError
from pipeline.monitor.metrics import StageMetrics


@dataclass(frozen=True)
class Work:
    """What every actor of a job is told."""

    setup: bytes
    """For `pipeline.stages.registry`."""
    out: str
    """The folder they write to, by which metrics tell jobs apart."""
    versions: dict[str, str]
    """Those of the driver (`versions_here`): others would make other bytes."""
    stall_timeout_s: float
    start_timeout_s: float


class StageActor:
    """Takes parts, a row each, has its supervised process do them, and gives rows on.

    The work is done in a child so that a photo that crashes a decoder, or a hanging driver of a GPU, costs a
    face and not the actor: Ray would send the whole part again, for ever.
    """

    STAGE: ClassVar[str]
    TAKES: ClassVar[tuple[str, ...]]
    """Columns that the process is given."""
    PASSES: ClassVar[tuple[str, ...]]
    """Columns that go on to the next stage as they are."""

    def __init__(self, work: Work) -> None:
        if different := differences(work.versions, versions_here()):
            raise ResourceError(
                f"a worker has other versions than the driver, so its results would have other bytes: "
                f"{different}; install the same constraints on every node"
            )
        self._child = Supervisor(
            self.STAGE,
            work.setup,
            stall_timeout_s=work.stall_timeout_s,
            start_timeout_s=work.start_timeout_s,
        )
        self._child.start()
        self._metrics = StageMetrics(work.out, self.STAGE)

    def __call__(self, block: pa.Table) -> pa.Table:
        began_s = time.monotonic()
        results = self._child(buffers_of(block, self.TAKES))
        self._metrics.add(time.monotonic() - began_s, self._child.take_stage_s())
        return row_with(block, self.PASSES, results)


class Whole(StageActor):
    """All of a part."""

    STAGE = "whole"
    TAKES = ("plan", "rows")
    PASSES = ("part",)


class Decode(StageActor):
    """Rows to crops, and what the renderer cuts its pixels from."""

    STAGE = "decode"
    TAKES = ("plan", "rows")
    PASSES = ("part", "plan")


class Pose(StageActor):
    """Crops to poses. What the renderer needs goes on untouched, from one object of the store to the next."""

    STAGE = "pose"
    TAKES = ("faces", "crops", "rejects")
    PASSES = ("part", "plan", "faces", "sources")


class Render(StageActor):
    """Poses to views, and the part's files."""

    STAGE = "render"
    TAKES = ("plan", "faces", "sources", "poses", "rejects")
    PASSES = ("part",)


class Find(StageActor):
    """The faces of a chunk of photos."""

    STAGE = "find"
    TAKES = ("chunk",)
    PASSES = ("part",)


ACTORS: dict[str, type[StageActor]] = {actor.STAGE: actor for actor in (Whole, Decode, Pose, Render, Find)}
