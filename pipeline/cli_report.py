"""The commands for looking at results with one's eyes: `fpn report` and `fpn show`."""

import click

from pipeline.cli_options import image_root_option


@click.command()
@click.argument("out")
@image_root_option
@click.option("--to", "target", help="File or URI to write; by default OUT/report.html.")
@click.option("--faces", type=click.IntRange(0), default=24, show_default=True, help="Random faces to show.")
@click.option("--seed", default=0, show_default=True, help="Another seed shows other faces.")
@click.option("--manifest", help="The manifest, where it lies elsewhere by now or needs credentials.")
def report(
    out: str, image_root: str | None, target: str | None, faces: int, seed: int, manifest: str | None
) -> None:
    """Write OUT/report.html: charts, rejects, faces, extremes and settings of a job, in one file.

    The page asks nothing of the network, so it can be sent around. It shows photos: keep it as private as
    they are.

    \b
    Examples:
      fpn report out
      fpn report s3://bucket/out --image-root /data/photos --to report.html
    """
    from pipeline.report.write import write_report
    from pipeline.storage import without_credentials

    written = write_report(out, target, faces=faces, seed=seed, manifest=manifest, image_root=image_root)
    click.echo(f"report: {without_credentials(written)}")
