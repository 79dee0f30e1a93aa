"""The whole job and a plain loop over the same stages, in faces per second."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.bench.kernels import KernelTimes
from pipeline.bench.processes import CpuWatch
from pipeline.config.settings import JobConfig
from pipeline.engine.quarantine import NO_CARE
from pipeline.job.fingerprint import PreparedJob
from pipeline.job.run import run_job
from pipeline.stages.part import DecodeWorker, PoseWorker, RenderWorker
from pipeline.stages.write import poses_file, rejects_file, views_file

Runner = Literal["local", "ray"]


@dataclass(frozen=True)
class JobTimes:
    """One run of the job."""

    runner: Runner
    cpus: int
    faces: int
    faces_per_s: float
    """Between the first parts and the last, so that starting and running out of work are left out."""
    first_part_s: float
    """From the command to the first committed part."""
    whole_s: float
    cpu_ms: dict[str, float]
    """Milliseconds of processor time per face, by process; empty where the system does not report it."""

    def efficiency(self, kernels: KernelTimes) -> float:
        """Share of the cores' time that the kernels account for."""
        return kernels.sum_s * self.faces_per_s / self.cpus

    def cpu_efficiency(self, kernels: KernelTimes) -> float | None:
        """Share of the processor time of all processes that the kernels account for.

        Others on the machine change this far less than they change `efficiency`.
        """
        return 1000 * kernels.sum_cpu_s / sum(self.cpu_ms.values()) if self.cpu_ms else None


def time_job(manifest: Path, out: Path, config: JobConfig, runner: Runner, cpus: int) -> JobTimes:
    """Run the job into a folder that is not there yet."""
    engine = config.engine.model_copy(update={"runner": runner, "cpus": cpus, "workers": cpus})
    config = config.model_copy(update={"engine": engine})
    part_faces = config.output.faces_per_part
    assert part_faces is not None  # `measure` sets it
    begin_s = time.time()
    with CpuWatch() as watch:
        summary = run_job(str(manifest), str(out), config, say=lambda text: None)
    end_s = time.time()
    ends = sorted(path.stat().st_mtime for path in (out / "_ledger").glob("part-*.json"))
    first, last = steady_parts(len(ends), cpus)
    faces = (last - first) * part_faces
    spent = watch.between(ends[first], ends[last])
    return JobTimes(
        runner,
        cpus,
        summary.totals.faces,
        faces_per_s=faces / (ends[last] - ends[first]),
        first_part_s=ends[0] - begin_s,
        whole_s=end_s - begin_s,
        cpu_ms={who: 1000 * seconds / faces for who, seconds in spent.items()},
    )


def steady_parts(parts: int, workers: int) -> tuple[int, int]:
    """Finds between which commits, in the order of their time, all workers were busy.

    Every worker's first part holds its start, and while the last ones are done workers may idle.

    Raises:
        ValueError: there are too few.
    """
    first, last = workers - 1, parts - workers
    if last <= first:
        raise ValueError(f"{parts} parts are too few for {workers} workers; expected at least {2 * workers}")
    return first, last


def plain_loop(prepared: PreparedJob, parts: int) -> float:
    """Faces a second of the stages in this process, without engine, supervisor and ledger; a median."""
    job, config = prepared.job, prepared.job.config
    decode, pose, render = DecodeWorker(job), PoseWorker(config, "cpu"), RenderWorker(config)
    rates = []
    for part in prepared.parts[: parts + 1]:
        begin = time.perf_counter()
        rows = part.read(job.manifest)
        finished = [render.finish(pose(faces, NO_CARE), NO_CARE) for faces in decode(rows, NO_CARE)]
        faces = [face for batch in finished for face in batch.faces]
        place = {face.row: i for i, face in enumerate(faces)}
        poses_file(faces, 0, job.manifest.carried_schema, landmarks=True)
        rejects_file([reject for batch in finished for reject in batch.rejects])
        views_file(faces, 0, place, config.render.head, config.render.format)
        rates.append(part.count / (time.perf_counter() - begin))
    return float(np.median(rates[1:])) if len(rates) > 1 else statistics.fmean(rates)
