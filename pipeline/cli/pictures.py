"""The commands that draw: `fpn sheet` and `fpn demo`."""

from pathlib import Path

import click

from pipeline.cli.options import config_option, image_root_option, overrides_option


@click.command()
@click.argument("out")
@image_root_option
@click.option(
    "--faces", type=click.IntRange(1), default=12, show_default=True, help="Number of faces to draw."
)
@click.option("--to", "target", default=None, help="File to write; by default OUT/contact_sheet.jpg.")
def sheet(out: str, image_root: str | None, faces: int, target: str | None) -> None:
    """Draw faces of OUT with landmarks, axes and views into one picture.

    \b
    Example:
      fpn sheet out --faces 20 --to sheet.jpg
    """
    click.echo(f"contact sheet: {_write_sheet(out, image_root, faces, target)}")


@click.command()
@click.argument("out", default="demo_out", type=click.Path(path_type=Path))
@config_option
@overrides_option
def demo(out: Path, config_path: Path | None, overrides: tuple[str, ...]) -> None:
    """Run the whole job on a dozen faces made of a public-domain portrait, and draw what comes out.

    \b
    Example:
      fpn demo demo_out
    """
    from pipeline.config.settings import load_config
    from pipeline.demo import write_demo_faces
    from pipeline.job.run import run_job
    from pipeline.report.write import write_report

    manifest = write_demo_faces(out / "photos")
    results = out / "results"
    summary = run_job(str(manifest), str(results), load_config(config_path, overrides))
    totals = summary.totals
    picture = _write_sheet(str(results), None, totals.faces, str(out / "contact_sheet.jpg"))
    page = write_report(str(results), str(out / "report.html"))
    click.echo(f"{totals.posed} faces posed, {totals.views} views, {totals.rejected} rejected")
    click.echo(f"look at the contact sheet: {picture}")
    click.echo(f"and at the report, in a browser: {page}")


def _write_sheet(out: str, image_root: str | None, faces: int, target: str | None) -> str:
    import cv2

    from pipeline.io.storage import Folder, base_name, join, parent
    from pipeline.report.contact_sheet import contact_sheet

    picture = contact_sheet(Folder(out), image_root, faces)
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    path = target or join(out, "contact_sheet.jpg")
    Folder(parent(path)).write(base_name(path), bytes(jpeg))
    return path
