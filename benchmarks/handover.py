"""What the hand-over between the stages takes, without Ray: python benchmarks/handover.py

Does one part in one piece and in three stages, all in this process, and prints the bytes of every column that
travels per face, and the processor time per face of both. What Ray adds is left out; `benchmarks/cluster.py
handover` has it.
"""

import tempfile
import time
from pathlib import Path

import pipeline  # noqa: F401  # before cv2, as in a job

import click  # isort: skip

from pipeline.bench.photos import write_photos
from pipeline.config.settings import load_config
from pipeline.engine.messages import joined
from pipeline.engine.quarantine import NO_CARE, report_nothing
from pipeline.job.fingerprint import prepare_job
from pipeline.stages.handover import rows_to_buffer
from pipeline.stages.registry import make_item, make_setup, make_stage

STAGES = ("decode", "pose", "render")
_PASSES_POSE = ("faces", "sources")


def run_part(manifest: Path, out: Path, kinds: tuple[str, ...], faces: int) -> tuple[float, dict[str, int]]:
    """Milliseconds of processor time per face, and bytes of each column."""
    prepared = prepare_job(str(manifest), str(out), load_config(None, [f"output.faces_per_part={faces}"]))
    setup = make_setup(prepared.job, "cpu")
    stages = [make_stage(kind, setup, report_nothing) for kind in kinds]
    part = prepared.parts[0]
    begin_s = time.process_time()
    rows = rows_to_buffer(part.read(prepared.job.manifest))
    row = {"rows": rows, **make_item(part)}
    for stage in stages:
        received = {name: memoryview(bytearray(joined(value))) for name, value in row.items()}
        row |= stage(received, NO_CARE)
    spent_s = time.process_time() - begin_s
    return 1000 * spent_s / faces, {name: memoryview(joined(value)).nbytes for name, value in row.items()}


@click.command(help=__doc__)
@click.option("--faces", default=1024, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Turns; the least of each counts.")
def main(faces: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = write_photos(folder, faces)
        spent: dict[tuple[str, ...], list[float]] = {("whole",): [], STAGES: []}
        for number in range(rounds + 1):  # the first fills caches and does not count
            for kinds, times in spent.items():
                ms, sizes = run_part(manifest, folder / f"{len(kinds)}-{number}", kinds, faces)
                times.append(ms)
    kb = {column: size / faces / 1000 for column, size in sizes.items()}
    for column in ("rows", "faces", "crops", "sources", "poses", "rejects"):
        click.echo(f"{column:8} {kb[column]:7.2f} kB per face")
    to_pose = kb["crops"] + kb["rejects"] + sum(kb[column] for column in _PASSES_POSE)
    to_render = kb["poses"] + kb["rejects"] + sum(kb[column] for column in _PASSES_POSE)
    click.echo(
        f"decode to pose {to_pose:.1f}, pose to render {to_render:.1f}, in all {to_pose + to_render:.1f} kB"
    )
    whole, staged = (min(times[1:]) for times in spent.values())
    click.echo(
        f"processor time per face: whole {whole:.2f} ms, staged {staged:.2f} ms, more by {staged - whole:.2f}"
    )


if __name__ == "__main__":
    main()
