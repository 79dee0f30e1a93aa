"""Whether a face costs the same in small jobs and large: python benchmarks/scaling.py --json FILE

Runs the job over 1,000, 10,000 and 100,000 faces in photos of 250 px, and over the middle number once more on
one CPU, and prints for each the steady rate, the processor time a face, the memory of the driver and the time
to recognise the finished job. The largest takes about a quarter of an hour on two cores, and 10 GB of disk
for as long. A new folder holds all of it and is removed at the end.
"""

import json
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import pipeline  # noqa: F401  # before cv2, as in a job

import click  # isort: skip

from pipeline.bench.measure import numbers
from pipeline.bench.photos import write_photos
from pipeline.bench.whole_job import time_job
from pipeline.config.settings import JobConfig, load_config
from pipeline.engine.machine import describe_machine, usable_cpus
from pipeline.job.run import run_job

PART_FACES = 64
"""So few that 1,000 faces have parts to measure between the first and the last of each worker."""


def run_size(manifest: Path, out: Path, config: JobConfig, runner: Literal["local", "ray"], cpus: int) -> Any:
    """One job, and the same command again once all is done."""
    job = time_job(manifest, out, config, runner, cpus)
    begin = time.perf_counter()
    run_job(str(manifest), str(out), config, say=lambda text: None)
    resume_s = time.perf_counter() - begin
    shutil.rmtree(out)
    return {
        "faces": job.faces,
        "cpus": cpus,
        "faces_per_s": job.faces_per_s,
        "cpu_ms_a_face": sum(job.cpu_ms.values()),
        "cpu_ms_by_process": job.cpu_ms,
        "whole_s": job.whole_s,
        "resume_s": resume_s,
        "driver_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


@click.command(help=__doc__)
@click.option("--sizes", default="1000,10000,100000", show_default=True, help="Faces of the jobs.")
@click.option("--runner", type=click.Choice(["local", "ray"]), default="ray", show_default=True)
@click.option("--cpus", type=int, help="CPUs; by default all.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where to work; by default the folder of temporary files.",
)
@click.option("--json", "target", type=click.Path(path_type=Path), help="File for the numbers.")
def main(
    sizes: str, runner: Literal["local", "ray"], cpus: int | None, folder: Path | None, target: Path | None
) -> None:
    used, faces = cpus or usable_cpus(), numbers(sizes, "--sizes")
    settings = (f"output.faces_per_part={PART_FACES}", "render.view_policy=all")
    config = load_config(None, settings)
    runs = []
    with tempfile.TemporaryDirectory(prefix="scaling-", dir=folder) as name:
        work = Path(name)
        manifest = write_photos(work, faces[-1])
        lines = manifest.read_text().splitlines(keepends=True)
        middle = faces[len(faces) // 2]
        plan = [(count, used) for count in faces] + ([(middle, 1)] if used > 1 else [])
        for number, (count, on_cpus) in enumerate(plan):
            share = work / f"{count}.txt"
            share.write_text("".join(lines[:count]))
            run = run_size(share, work / f"out-{number}", config, runner, on_cpus)
            runs.append(run)
            click.echo(
                f"{count:9,} faces on {on_cpus} CPUs: {run['faces_per_s']:7.1f} faces/s, "
                f"{run['cpu_ms_a_face']:6.2f} ms of processor time a face, {run['whole_s']:7.1f} s in all, "
                f"again {run['resume_s']:.1f} s, driver {run['driver_peak_mb']:.0f} MB"
            )
    record = {"machine": describe_machine(), "runner": runner, "part_faces": PART_FACES, "runs": runs}
    if used > 1:
        record["speed_up"] = runs[len(faces) // 2]["faces_per_s"] / runs[-1]["faces_per_s"]
        click.echo(f"{used} CPUs are {record['speed_up']:.2f} times as fast as 1")
    if target is not None:
        target.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
