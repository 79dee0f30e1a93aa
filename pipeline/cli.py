"""The command line: `fpn`, the same as `python -m pipeline`."""

import sys
from pathlib import Path

import click

from fpn_core import FpnError
from pipeline.config import load_config
from pipeline.errors import PipelineError
from pipeline.run import describe_rejects, run_job
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
    summary = run_job(manifest, out, load_config(config_path, overrides, given))
    totals = summary.totals
    click.echo(
        f"{out}: {totals.faces:,} faces = {totals.posed:,} posed + {totals.rejected:,} rejected, "
        f"{totals.views:,} views; rejects: {describe_rejects(totals)}"
    )
    if totals.posed == 0:
        click.echo("warning: no face was posed; are the images where the manifest says?", err=True)
