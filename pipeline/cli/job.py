"""The commands on jobs: `fpn check`, `plan`, `run`, `retry`, `verify`.

They import what they do when they do it, so that help and completion come at once.
"""

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.exit_codes import NOTHING_POSED, TERMINATED
from pipeline.cli.options import (
    address_option,
    config_option,
    echo_json,
    given,
    image_root_option,
    json_option,
    overrides_option,
)
from pipeline.printable import printable
from pipeline.reasons import Reason

if TYPE_CHECKING:
    from pipeline.job.summary import Summary


@click.command()
@click.argument("manifest")
@click.argument("out")
@config_option
@overrides_option
@image_root_option
@address_option
@click.option(
    "--shard",
    metavar="NUMBER/COUNT",
    help="Do every COUNT-th part, beside other machines with the same OUT; 1/COUNT is the first.  "
    "[default: in a Slurm job array the task's own]",
)
@click.option("--append", is_flag=True, help="Add the further rows of MANIFEST to the finished job in OUT.")
@json_option
def run(
    manifest: str,
    out: str,
    config_path: Path | None,
    overrides: tuple[str, ...],
    image_root: str | None,
    address: str | None,
    shard: str | None,
    append: bool,
    as_json: bool,
) -> None:
    """Pose and render every face of MANIFEST into the folder OUT.

    The same command continues a job that was stopped. Several machines share a job by --shard: whichever
    ends last writes the summary. Without --shard the command does whatever is left.

    \b
    Examples:
      fpn run faces.parquet out
      fpn run input.csv s3://bucket/out --set render.size_px=112 --set render.views_deg=[0,40]
      fpn run faces.parquet /shared/out --shard 3/8
      fpn run longer.csv out --append
    """
    from pipeline.config.settings import load_config
    from pipeline.job.run import run_job
    from pipeline.job.shard import parse_shard, shard_of_slurm

    values = given(manifest__image_root=image_root, engine__address=address)
    config = load_config(config_path, overrides, values)
    ours = parse_shard(shard) if shard else shard_of_slurm(os.environ)
    if ours is not None and shard is None:
        click.echo(f"shard {ours}, as task of a Slurm job array; --shard 1/1 does all", err=True)
    with _ended_when_asked():
        summary = run_job(manifest, out, config, shard=ours, append=append)
    _tell(out, summary, as_json)


def _tell(out: str, summary: "Summary", as_json: bool) -> None:
    from pipeline.io.storage import without_credentials
    from pipeline.job.summary import describe_rejects, summary_record

    totals = summary.totals
    shown = without_credentials(out)
    if as_json:
        echo_json({"out": shown} | summary_record(summary))
    elif summary.unfinished_parts:
        click.echo(
            f"{shown}: this shard is done, {summary.faces_this_run:,} faces by this run; "
            f"{summary.unfinished_parts:,} parts are left for the others"
        )
    else:
        click.echo(
            f"{shown}: {totals.faces:,} faces = {totals.posed:,} posed + {totals.rejected:,} rejected, "
            f"{totals.views:,} views; rejects: {describe_rejects(totals)}"
            + (f"; {totals.erased:,} were erased" if totals.erased else "")
        )
        click.echo(f"see them in a browser: fpn report {shlex.quote(shown)}", err=True)
    if totals.posed == 0 and not summary.unfinished_parts:
        click.echo("error: no face was posed; are the images where the manifest says?", err=True)
        sys.exit(NOTHING_POSED)


@click.command()
@click.argument("out")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([str(reason) for reason in Reason]),
    metavar="CODE",
    help="Only faces rejected for this reason; repeatable.",
)
@click.option("--manifest", help="The manifest, where its location needs credentials that are not stored.")
@overrides_option
@json_option
def retry(
    out: str, reasons: tuple[str, ...], manifest: str | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Try the rejected faces of OUT again, into new parts; nothing that was written is touched.

    \b
    Examples:
      fpn retry out
      fpn retry out --reason image_missing --reason timeout
    """
    from pipeline.job.run import retry_job

    with _ended_when_asked():
        summary = retry_job(out, reasons, manifest, overrides)
    _tell(out, summary, as_json)


@click.command()
@click.argument("manifest")
@config_option
@overrides_option
@image_root_option
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Faces whose image is read and decoded.",
)
@json_option
def check(
    manifest: str,
    config_path: Path | None,
    overrides: tuple[str, ...],
    image_root: str | None,
    sample: int,
    as_json: bool,
) -> None:
    """Check MANIFEST without running: columns, ids, boxes, and a sample of the images.

    \b
    Examples:
      fpn check faces.csv
      fpn check faces.parquet --image-root s3://bucket/photos --sample 1000
    """
    from pipeline.config.settings import load_config
    from pipeline.io.storage import without_credentials
    from pipeline.job.check import check_manifest

    config = load_config(config_path, overrides, given(manifest__image_root=image_root))
    found = check_manifest(manifest, config, sample)
    shown = without_credentials(manifest)
    if as_json:
        echo_json({"manifest": shown} | asdict(found))
        return
    least, median, greatest = found.box_side_px
    click.echo(f"{shown}: {found.faces:,} faces ({found.kind}), every face id is there once")
    click.echo(printable(f"carried columns: {', '.join(found.carried) or 'none'}"))
    click.echo(f"longer side of the boxes: {least:.0f} to {greatest:.0f} px, median {median:.0f}")
    click.echo(f"rows that will be rejected: {_counts(found.bad_rows)}")
    click.echo(f"of {found.sampled:,} sampled faces will be rejected: {_counts(found.bad_samples)}")
    for example in found.examples:
        click.echo(printable(f"  {example}"))
    if found.passed_over:
        click.echo(printable(f"files that belong to no face: {_counts(found.passed_over)}"))


@click.command()
@click.argument("manifest")
@config_option
@overrides_option
@image_root_option
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Faces to time the stages with.",
)
@click.option(
    "--cpus",
    type=click.FloatRange(min=0, min_open=True),
    default=os.cpu_count() or 1,
    show_default="this machine's",
    help="Cores of the job.",
)
@click.option(
    "--price",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Price of a core-hour, for the cost of the job.",
)
@json_option
def plan(
    manifest: str,
    config_path: Path | None,
    overrides: tuple[str, ...],
    image_root: str | None,
    sample: int,
    cpus: float,
    price: float,
    as_json: bool,
) -> None:
    """Say what a job over MANIFEST would take: parts, time, cost, from a sample of its own faces.

    \b
    Examples:
      fpn plan faces.parquet --cpus 64 --price 0.05
      fpn plan faces.parquet --config recognition --json
    """
    from pipeline.config.settings import load_config
    from pipeline.io.storage import without_credentials
    from pipeline.job.estimate import estimate_job

    config = load_config(config_path, overrides, given(manifest__image_root=image_root))
    found = estimate_job(manifest, config, sample)
    shown, core_hours = without_credentials(manifest), found.hours(1)
    if as_json:
        derived = {"cpus": cpus, "hours": found.hours(cpus), "core_hours": core_hours}
        derived |= {"cost": core_hours * price, "views_bytes": found.faces * found.view_bytes}
        echo_json({"manifest": shown} | asdict(found) | derived)
        return
    stages = (("decode", found.decode_s), ("pose", found.pose_s), ("render", found.render_s))
    click.echo(f"{shown}: {found.faces:,} faces in {found.parts:,} parts")
    click.echo(
        f"one core of this machine: {1000 * found.face_s:.1f} ms a face ("
        + ", ".join(f"{name} {1000 * seconds:.1f}" for name, seconds in stages)
        + f"), from {found.sampled} faces, of which {found.rejected} rejected"
    )
    click.echo(f"on {cpus:g} such cores: {found.hours(cpus):.2f} hours, {core_hours:.2f} core-hours")
    if price:
        click.echo(f"cost at {price:g} a core-hour: {core_hours * price:.2f}")
    click.echo(f"views: {found.faces * found.view_bytes / 1e9:.2f} GB")


@contextmanager
def _ended_when_asked() -> Iterator[None]:
    """Let SIGTERM end a job like Ctrl-C: children and Ray are ended, and the heartbeat says so."""

    def end(number: int, frame: object) -> None:
        sys.exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except SystemExit:
        click.echo("\nasked to end; the same command continues the job", err=True)
        sys.exit(TERMINATED)
    finally:
        signal.signal(signal.SIGTERM, before)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
