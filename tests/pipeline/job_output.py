"""A whole job for tests that look at outputs: good faces, every kind of reject, and hostile texts."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config.settings import load_config
from pipeline.job.run import run_job
from tests.bad_input import write_cases

HOSTILE_ID = '<script>document.title="hacked"</script>'
HOSTILE_VALUE = '"><img src=x onerror=document.title="hacked"><b>'
HOSTILE_COLUMN = "</dt><svg/onload=alert(1)>"


@dataclass(frozen=True)
class JobOutput:
    """Where a job's input and output are, and what must have come out."""

    manifest: Path
    out: Path
    posed: int
    rejected: int


def make_job_output(folder: Path) -> JobOutput:
    """Run a job over every kind of bad input in parts of six, with views 0 and 40 of 64 px."""
    photos = folder / "photos"
    photos.mkdir()
    cases = write_cases(photos)
    boxes = zip(("x", "y", "width", "height"), zip(*(case.box for case in cases), strict=True), strict=True)
    table = pa.table(
        {
            "face_id": [f"{case.name} {HOSTILE_ID}" for case in cases],
            "image": [case.image for case in cases],
            **{name: [float(value) for value in values] for name, values in boxes},
            HOSTILE_COLUMN: [HOSTILE_VALUE] * len(cases),
        }
    )
    manifest = photos / "faces.parquet"
    pq.write_table(table, manifest)
    settings = ["output.faces_per_part=6", "render.size_px=64", "render.views_deg=[0,40]", "engine.cpus=1"]
    # Every view of every face, whatever the network thinks of a bad photo's pose.
    settings.append("render.view_policy=all")
    run_job(str(manifest), str(folder / "out"), load_config(overrides=settings), say=lambda _: None)
    rejected = sum(case.reason is not None for case in cases)
    return JobOutput(manifest, folder / "out", len(cases) - rejected, rejected)
