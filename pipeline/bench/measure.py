"""The benchmark from photos to numbers."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpn_core import MissingPackageError, default_model_path
from fpn_core.precision import write_half_precision
from pipeline.bench.kernels import time_kernels
from pipeline.bench.photos import PHOTO_PX, write_photos
from pipeline.bench.pose_stage import PoseTimes, time_actors, time_poses
from pipeline.bench.report import Measurement
from pipeline.bench.whole_job import Runner, plain_loop, time_job
from pipeline.config.settings import Device, JobConfig
from pipeline.engine.machine import describe_machine
from pipeline.errors import ConfigError
from pipeline.job.fingerprint import prepare_job
from pipeline.stages.part import use_one_thread

PART_FACES = 128
_LOOP_PARTS = 3
_ACTOR_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    faces: int
    """Of the job on the most CPUs; on fewer it has fewer, so that all take about as long."""
    rounds: int
    cpus: tuple[int, ...]
    runners: tuple[Runner, ...]
    device: Device = "cpu"
    """Another than cpu: also the poses on that device."""
    actors: tuple[int, ...] = (1, 2, 4)


def measure(config: JobConfig, plan: Plan) -> Measurement:
    """Make photos, time the kernels, the plain loop, the jobs and the poses.

    Raises:
        ConfigError: too few faces for the number of CPUs.
        PipelineError, FpnError: what a job raises; ProviderError where the device does not work.
    """
    _check(plan)
    use_one_thread()
    config = config.model_copy(
        update={"output": config.output.model_copy(update={"faces_per_part": PART_FACES})}
    )
    with tempfile.TemporaryDirectory(prefix="fpn-bench-") as name:
        folder = Path(name)
        manifest = write_photos(folder, plan.faces)
        prepared = prepare_job(str(manifest), str(folder / "kernels"), config)
        kernels = time_kernels(prepared, plan.rounds)
        loop = plain_loop(prepared, _LOOP_PARTS)
        lines = manifest.read_text().splitlines(keepends=True)
        jobs = []
        for runner in plan.runners:
            for cpus in plan.cpus:
                share = folder / f"{cpus}.txt"
                share.write_text("".join(lines[: _faces_on(plan, cpus)]))
                jobs.append(time_job(share, folder / f"{runner}-{cpus}", config, runner, cpus))
        poses = [] if plan.device == "cpu" else _poses(config, plan, folder)
    return Measurement(describe_machine(), PHOTO_PX, kernels, loop, tuple(jobs), tuple(poses))


def _faces_on(plan: Plan, cpus: int) -> int:
    parts = max(3 * cpus, plan.faces * cpus // max(plan.cpus) // PART_FACES)
    return min(plan.faces, parts * PART_FACES)


def _check(plan: Plan) -> None:
    least = 3 * max(plan.cpus, default=1) * PART_FACES
    if plan.runners and plan.faces < least:
        raise ConfigError(
            f"{plan.faces} faces are too few to see a steady rate on {max(plan.cpus)} CPUs; expected at "
            f"least {least}. Give --faces {least} or more, fewer --cpus, or --runner none"
        )


def _poses(config: JobConfig, plan: Plan, folder: Path) -> list[PoseTimes]:
    """Poses on the device, in full precision and, where the package `onnx` is there, in half."""
    models: list[Path | None] = [config.pose.model_path]
    try:
        half = folder / "half.onnx"
        write_half_precision(config.pose.model_path or default_model_path(), half)
        models.append(half)
    except MissingPackageError:
        pass
    batch_size, found = config.pose.batch_size, []
    for model in models:
        found += time_poses(model, plan.device, batch_size, plan.rounds)
        found += [time_actors(model, plan.device, batch_size, n, _ACTOR_SECONDS) for n in plan.actors]
    return found


def numbers(text: str, option: str) -> tuple[int, ...]:
    """`1,2,4` as numbers above 0, in order.

    Raises:
        ConfigError: it is none.
    """
    try:
        found: Sequence[int] = sorted({int(word) for word in text.split(",")})
    except ValueError:
        found = ()
    if not found or found[0] < 1:
        raise ConfigError(f"{option} takes whole numbers above 0, for instance 1,2,4; got {text!r}")
    return tuple(found)
