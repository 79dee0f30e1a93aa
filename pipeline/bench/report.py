"""What was measured, as text for people and as plain values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.bench.cost_model import FaceCosts
from pipeline.bench.kernels import KernelTimes
from pipeline.bench.pose_stage import PoseTimes
from pipeline.bench.timing import Timing
from pipeline.bench.whole_job import JobTimes


@dataclass(frozen=True)
class Measurement:
    """All of a benchmark."""

    machine: dict[str, str | int]
    photo_px: int
    kernels: KernelTimes
    plain_loop_faces_per_s: float
    jobs: tuple[JobTimes, ...] = ()
    poses: tuple[PoseTimes, ...] = ()


def face_costs(found: Measurement) -> FaceCosts:
    """What the cost of larger jobs is worked out from: the job on the most CPUs, or the plain loop alone."""
    kernels = found.kernels
    network_s = kernels.kernels["network"].median_s
    loop = kernels.sum_s * found.plain_loop_faces_per_s
    most = max((job.cpus for job in found.jobs), default=0)
    efficiencies = [job.efficiency(kernels) for job in found.jobs if job.cpus == most]
    return FaceCosts(
        network_s=network_s,
        others_s=kernels.sum_s - network_s,
        handover_s=kernels.handover.median_s,
        efficiency=min([*efficiencies, 1.0]) if efficiencies else min(loop, 1.0),
        photo_bytes=kernels.photo_bytes,
        written_bytes=kernels.written_bytes,
        handed_bytes=kernels.handed_bytes,
    )


def to_json(found: Measurement) -> dict[str, Any]:
    """Everything by name; times in milliseconds per face."""
    kernels = found.kernels
    return {
        "machine": found.machine,
        "photo_px": found.photo_px,
        "sample": kernels.sample,
        "kernels_ms": {name: _ms(timing) for name, timing in kernels.kernels.items()},
        "kernels_sum_ms": 1000 * kernels.sum_s,
        "each_view_ms": {name: _ms(timing) for name, timing in kernels.views.items()},
        "handover_ms": _ms(kernels.handover),
        "face_costs": asdict(face_costs(found)),
        "plain_loop": {
            "faces_per_s": found.plain_loop_faces_per_s,
            "efficiency": kernels.sum_s * found.plain_loop_faces_per_s,
        },
        "jobs": [
            asdict(job)
            | {"efficiency": job.efficiency(kernels), "cpu_efficiency": job.cpu_efficiency(kernels)}
            for job in found.jobs
        ],
        "poses": [asdict(poses) for poses in found.poses],
    }


def _ms(timing: Timing) -> dict[str, float]:
    return {"median": 1000 * timing.median_s, "spread": timing.spread, "cpu": 1000 * timing.cpu_s}


def to_lines(found: Measurement) -> list[str]:
    """The tables."""
    machine, kernels = found.machine, found.kernels
    lines = [
        ", ".join(f"{name} {value}" for name, value in machine.items()),
        "",
        f"kernels, one thread, faces in photos of {found.photo_px} px        ms/face     share  spread",
    ]
    for name, timing in kernels.kernels.items():
        share = timing.median_s / kernels.sum_s
        lines.append(_line(name, timing, f"{share:6.1%}"))
    lines += [f"  {'all kernels':40}{1000 * kernels.sum_s:10.3f}", "", "each view alone"]
    lines += [_line(f"view {name}", timing, " " * 6) for name, timing in kernels.views.items()]
    loop = found.plain_loop_faces_per_s
    lines += [
        "",
        f"{'one process, the stages alone':32}{loop:8.1f} faces/s, efficiency {kernels.sum_s * loop:.2f}",
        *(_job_line(job, kernels) for job in found.jobs),
        *_scaling(found.jobs),
        *_spent(found.jobs, kernels),
    ]
    if found.poses:
        lines += ["", "poses, transfers included             faces/s   ms a batch  spread"]
        lines += [_pose_line(poses) for poses in found.poses]
    return lines


def _line(name: str, timing: Timing, share: str) -> str:
    return f"  {name:40}{1000 * timing.median_s:10.3f}  {share}  {timing.spread:6.0%}"


def _job_line(job: JobTimes, kernels: KernelTimes) -> str:
    cpu = job.cpu_efficiency(kernels)
    return (
        f"{_job_name(job):32}{job.faces_per_s:8.1f} faces/s, efficiency {job.efficiency(kernels):.2f}"
        + (f" ({cpu:.2f} of the processor time)" if cpu is not None else "")
        + f"; first part after {job.first_part_s:.1f} s"
    )


def _scaling(jobs: Sequence[JobTimes]) -> list[str]:
    """How much faster each runner is on the most CPUs than on the fewest."""
    lines = []
    for runner in dict.fromkeys(job.runner for job in jobs):
        runs = sorted((job for job in jobs if job.runner == runner), key=lambda job: job.cpus)
        if runs[0].cpus < runs[-1].cpus:
            times = runs[-1].faces_per_s / runs[0].faces_per_s
            lines.append(f"{runner}: {runs[-1].cpus} CPUs are {times:.2f} times as fast as {runs[0].cpus}")
    return lines


def _spent(jobs: Sequence[JobTimes], kernels: KernelTimes) -> list[str]:
    """Processor time per face, by process."""
    watched = [job for job in jobs if job.cpu_ms]
    if not watched:
        return []
    lines = ["", f"processor time, ms per face (the kernels: {1000 * kernels.sum_cpu_s:.2f})"]
    for job in watched:
        parts = ", ".join(f"{who} {ms:.2f}" for who, ms in job.cpu_ms.items())
        lines.append(f"  {_job_name(job):30}{sum(job.cpu_ms.values()):8.2f} = {parts}")
    return lines


def _job_name(job: JobTimes) -> str:
    return f"job on {job.cpus} CPUs, {'Ray' if job.runner == 'ray' else 'without Ray'}"


def _pose_line(poses: PoseTimes) -> str:
    name = f"  {poses.what}"
    return f"{name:36}{poses.faces_per_s:9.0f}  {1000 * poses.batch_s:11.2f}  {poses.spread:6.0%}"
