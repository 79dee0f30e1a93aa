"""`fpn export`: the views of a job for training code."""

import sys
import time
from typing import Any

import click

from pipeline.cli.options import echo_json, json_option

_SHOWN_EVERY_S = 1.0


@click.command()
@click.argument("outs", metavar="OUT...", nargs=-1, required=True)
@click.argument("dest")
@click.option(
    "--as",
    "form",
    type=click.Choice(["imagefolder", "webdataset", "parquet", "recordio"]),
    required=True,
    help="A folder a subject; WebDataset shards; Parquet of Hugging Face; .rec, .idx, .lst of InsightFace.",
)
@click.option("--by", metavar="COLUMN", help="Whose face it is.  [default: subject_id, where the job has it]")
@click.option(
    "--views",
    default=None,
    metavar="NAMES",
    help="Some of them, as 0,40,aligned; or all.  [default: all; recordio: aligned, where the job has it]",
)
@click.option(
    "--order",
    type=click.Choice(["job", "shuffled", "subject"]),
    help="Of views in shards and Parquet.  [default: shuffled for webdataset, job for parquet]",
)
@click.option("--seed", default=0, show_default=True, help="Of the shuffled order.")
@click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Views in a file of webdataset and parquet.",
)
@click.option("--where", metavar="SQL", help="Only pictures that this is true of; needs the extra select.")
@click.option(
    "--min-images",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of a subject; faces count.",
)
@click.option(
    "--balance",
    type=click.Choice(["yaw", "yaw:sample"]),
    help="Even out yaw: a weight for every picture, or fewer pictures.",
)
@click.option(
    "--val",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Of the subjects, for a split val; no subject is in both.",
)
@click.option(
    "--repeated",
    type=click.Choice(["error", "first"]),
    default="error",
    show_default=True,
    help="A face id that stands in two of several outputs.",
)
@json_option
def export(
    outs: tuple[str, ...],
    dest: str,
    form: Any,
    views: str | None,
    repeated: Any,
    as_json: bool,
    **settings: Any,
) -> None:
    """Export the views of the jobs in OUT... to the folder DEST, in a form that training code reads.

    Several jobs with the same settings are joined.

    Checksums of all parts are verified first. The same command continues an export that was stopped.

    \b
    Examples:
      fpn export out faces --as imagefolder --views aligned
      fpn export out s3://bucket/train --as webdataset --views 0,40 --seed 1
      fpn export out rec --as recordio --by subject_id
      fpn export 2024 2025 faces --as parquet --repeated first
      fpn export out set --as webdataset --where 'abs(yaw_deg) < 60 and seen_fraction > 0.5' --val 0.02
    """
    from dataclasses import asdict

    from pipeline.export.export import ExportSettings, export_views
    from pipeline.io.storage import without_credentials

    names: Any = views
    if views is not None and views != "all":
        names = tuple(name.strip() for name in views.split(","))
    progress = Progress()
    try:
        asked = ExportSettings(form=form, views=names, **settings)
        exported = export_views(outs, dest, asked, progress, repeated)
    finally:
        progress.close()
    if exported.unfinished:
        click.echo(
            f"warning: the job is unfinished; {exported.unfinished:,} faces are not in the export", err=True
        )
    shown = without_credentials(dest)
    if as_json:
        echo_json({"dest": shown, **asdict(exported)})
        return
    subjects = f" of {exported.subjects:,} subjects" if exported.subjects else ""
    click.echo(
        f"{shown}: {exported.views:,} views of {exported.faces:,} faces{subjects} in {exported.files:,} files"
    )
    if exported.val_views:
        click.echo(f"of these, {exported.val_views:,} views of {exported.val_subjects:,} subjects are in val")
    parts = {
        "exported": exported.faces,
        "without these views": exported.without_views,
        "without a subject": exported.without_subject,
        "not selected": exported.not_selected,
    }
    if exported.repeated:
        parts["in an earlier output too"] = exported.repeated
    added = " + ".join(f"{count:,} {what}" for what, count in parts.items())
    click.echo(f"{exported.posed:,} posed faces = {added}")


class Progress:
    """A line on the terminal every second, and none elsewhere."""

    def __init__(self) -> None:
        self._shown_s = time.monotonic()
        self._live = sys.stderr.isatty()

    def __call__(self, what: str, n: int, of: int) -> None:
        now = time.monotonic()
        if self._live and now - self._shown_s >= _SHOWN_EVERY_S:
            self._shown_s = now
            print(f"\r\033[K{n:,} of {of:,} {what}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
