"""The command line: `fpn`, the same as `python -m pipeline`."""

import os
import sys
from pathlib import Path

import click
import cv2

from fpn_core import FpnError
from pipeline.check import check_manifest
from pipeline.cli_models import evaluate_command, models
from pipeline.cli_render import heads, render
from pipeline.config import JobConfig, load_config
from pipeline.contact_sheet import contact_sheet
from pipeline.demo import write_demo_faces
from pipeline.errors import PipelineError
from pipeline.estimate import estimate_job
from pipeline.reasons import Reason
from pipeline.run import Summary, describe_rejects, retry_job, run_job
from pipeline.storage import Folder, join, parent, without_credentials
from pipeline.verify import verify as verify_output
from render_core import RenderError

# Exit codes: 0 done, 1 the job failed or is incomplete, 2 a wrong command (click's own), 130 interrupted.
_FAILED, _INTERRUPTED = 1, 130


class _Group(click.Group):
    """Shows errors of ours as one line; `--debug` shows where they come from."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (PipelineError, FpnError, RenderError) as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"error: {error}", err=True)
            sys.exit(_FAILED)
        except KeyboardInterrupt:
            click.echo("\ninterrupted; the same command continues the job", err=True)
            sys.exit(_INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="faceposenet")
@click.option("--debug", is_flag=True, help="Show the whole trace of an error.")
def main(debug: bool) -> None:
    """Head pose and rendered views for every face of a dataset."""


_config = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="YAML file of settings; see configs/."
)
_overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.NAME=VALUE",
    help="Override one setting; repeatable.",
)


@main.command()
@click.argument("manifest")
@click.argument("out")
@_config
@_overrides
@click.option("--image-root", help="Folder or URI of relative image paths; by default the manifest's folder.")
@click.option("--address", help="Ray cluster to join; by default a local Ray starts and stops.")
def run(
    manifest: str,
    out: str,
    config_path: Path | None,
    overrides: tuple[str, ...],
    image_root: str | None,
    address: str | None,
) -> None:
    """Pose and render every face of MANIFEST into the folder OUT.

    The same command continues a job that was stopped.

    \b
    Examples:
      fpn run faces.parquet out
      fpn run input.csv s3://bucket/out --set render.size_px=112 --set render.views_deg=[0,40]
    """
    values = {"manifest.image_root": image_root, "engine.address": address}
    given = {key: value for key, value in values.items() if value is not None}
    _tell(out, run_job(manifest, out, load_config(config_path, overrides, given)))


def _tell(out: str, summary: Summary) -> None:
    totals = summary.totals
    click.echo(
        f"{without_credentials(out)}: {totals.faces:,} faces = {totals.posed:,} posed + {totals.rejected:,} "
        f"rejected, {totals.views:,} views; rejects: {describe_rejects(totals)}"
    )
    if totals.posed == 0:
        click.echo("warning: no face was posed; are the images where the manifest says?", err=True)


@main.command()
@click.argument("out")
@click.option("--reason", "reasons", multiple=True, help="Only faces rejected for this reason; repeatable.")
@click.option("--manifest", help="The manifest, where its location needs credentials that are not stored.")
@_overrides
def retry(out: str, reasons: tuple[str, ...], manifest: str | None, overrides: tuple[str, ...]) -> None:
    """Try the rejected faces of OUT again, into new parts; nothing that was written is touched.

    \b
    Example:
      fpn retry out --reason image_missing --reason timeout
    """
    unknown = set(reasons) - set(Reason)
    if unknown:
        raise click.BadParameter(f"there is no reason {', '.join(unknown)}; there are {', '.join(Reason)}")
    _tell(out, retry_job(out, reasons, manifest, overrides))


@main.command()
@click.argument("manifest")
@_config
@_overrides
@click.option("--image-root", help="Folder or URI of relative image paths; by default the manifest's folder.")
@click.option("--sample", default=100, show_default=True, help="Faces whose image is read and decoded.")
def check(
    manifest: str, config_path: Path | None, overrides: tuple[str, ...], image_root: str | None, sample: int
) -> None:
    """Check MANIFEST without running: columns, ids, boxes, and a sample of the images."""
    values = {} if image_root is None else {"manifest.image_root": image_root}
    found = check_manifest(manifest, load_config(config_path, overrides, values), sample)
    least, median, greatest = found.box_side_px
    click.echo(f"{manifest}: {found.faces:,} faces ({found.kind}), every face id is there once")
    click.echo(f"carried columns: {', '.join(found.carried) or 'none'}")
    click.echo(f"longer side of the boxes: {least:.0f} to {greatest:.0f} px, median {median:.0f}")
    click.echo(f"rows that will be rejected: {_counts(found.bad_rows)}")
    click.echo(f"of {found.sampled:,} sampled faces will be rejected: {_counts(found.bad_samples)}")
    for example in found.examples:
        click.echo(f"  {example}")


@main.command()
@click.argument("out")
def verify(out: str) -> None:
    """Re-read the results in OUT: checksums, counts, and every face of the manifest exactly once."""
    found = verify_output(Folder(out))
    click.echo(
        f"{out}: {found.parts:,} of {found.expected_parts:,} parts, {found.faces:,} faces = "
        f"{found.posed:,} posed + {found.rejected:,} rejected, {found.views:,} views"
    )
    for problem in found.problems:
        click.echo(f"  {problem}")
    if found.problems:
        click.echo(f"error: {len(found.problems)} problems; fpn run continues an unfinished job", err=True)
        sys.exit(_FAILED)
    click.echo("all files are as they were written, no face is missing or twice")


@main.command()
@click.argument("manifest")
@_config
@_overrides
@click.option("--image-root", help="Folder or URI of relative image paths; by default the manifest's folder.")
@click.option("--sample", default=64, show_default=True, help="Faces to time the stages with.")
@click.option("--cpus", default=os.cpu_count() or 1, show_default="this machine's", help="Cores of the job.")
@click.option("--price", default=0.0, help="Price of a core-hour, for the cost of the job.")
def plan(
    manifest: str,
    config_path: Path | None,
    overrides: tuple[str, ...],
    image_root: str | None,
    sample: int,
    cpus: float,
    price: float,
) -> None:
    """Say what a job over MANIFEST would take: parts, time, cost, from a sample of its own faces."""
    values = {} if image_root is None else {"manifest.image_root": image_root}
    found = estimate_job(manifest, load_config(config_path, overrides, values), sample)
    stages = (("decode", found.decode_s), ("pose", found.pose_s), ("render", found.render_s))
    click.echo(f"{manifest}: {found.faces:,} faces in {found.parts:,} parts")
    click.echo(
        f"one core of this machine: {1000 * found.face_s:.1f} ms a face ("
        + ", ".join(f"{name} {1000 * seconds:.1f}" for name, seconds in stages)
        + f"), from {found.sampled} faces, of which {found.rejected} rejected"
    )
    click.echo(f"on {cpus:g} such cores: {found.hours(cpus):.2f} hours, {found.hours(1):.2f} core-hours")
    if price:
        click.echo(f"cost at {price:g} a core-hour: {found.hours(1) * price:.2f}")
    click.echo(f"views: {found.faces * found.view_bytes / 1e9:.2f} GB")


@main.command()
@click.argument("out")
@click.option("--image-root", required=True, help="Folder or URI of relative image paths.")
@click.option("--faces", default=12, show_default=True, help="Number of faces to draw.")
@click.option("--to", "target", default=None, help="File to write; by default OUT/contact_sheet.jpg.")
def sheet(out: str, image_root: str, faces: int, target: str | None) -> None:
    """Draw faces of OUT with landmarks, axes and views into one picture."""
    click.echo(f"contact sheet: {_write_sheet(out, image_root, faces, target)}")


@main.command()
@click.argument("out", default="demo_out", type=click.Path(path_type=Path))
@_config
@_overrides
def demo(out: Path, config_path: Path | None, overrides: tuple[str, ...]) -> None:
    """Run the whole job on a dozen faces made of a public-domain portrait, and draw what comes out."""
    manifest = write_demo_faces(out / "photos")
    results = out / "results"
    config: JobConfig = load_config(config_path, overrides)
    summary = run_job(str(manifest), str(results), config)
    picture = _write_sheet(
        str(results), parent(str(manifest)), summary.totals.faces, str(out / "contact_sheet.jpg")
    )
    totals = summary.totals
    click.echo(f"{totals.posed} faces posed, {totals.views} views, {totals.rejected} rejected")
    click.echo(f"look at the contact sheet: {picture}")


for _command in (render, heads, models, evaluate_command):
    main.add_command(_command)


def _write_sheet(out: str, image_root: str, faces: int, target: str | None) -> str:
    picture = contact_sheet(Folder(out), image_root, faces)
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    path = target or join(out, "contact_sheet.jpg")
    Folder(parent(path)).write(path.rsplit("/", 1)[-1], bytes(jpeg))
    return path


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
