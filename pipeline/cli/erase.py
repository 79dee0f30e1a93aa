"""`fpn erase`: people out of the results of a job."""

from pathlib import Path

import click

from pipeline.cli.options import bar_of, echo_json, json_option
from pipeline.printable import printable


@click.command()
@click.argument("out")
@click.option("--subject", "subjects", multiple=True, help="Everything of this subject; repeatable.")
@click.option("--by", default="subject_id", show_default=True, help="The column that holds the subjects.")
@click.option("--face-id", "face_ids", multiple=True, help="One face; repeatable.")
@click.option(
    "--face-ids",
    "list_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A text file with a face id on each line.",
)
@click.option("--manifest", help="The manifest, where it is elsewhere by now or needs credentials.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@json_option
def erase(
    out: str,
    subjects: tuple[str, ...],
    by: str,
    face_ids: tuple[str, ...],
    list_path: Path | None,
    manifest: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Erase people from the results in OUT: their poses, views and rejects.

    Everything else stays bit for bit, and fpn verify passes afterwards. The same command continues one that
    was stopped. OUT/report.html is deleted, for it shows photos; exports that were made before are listed.
    Photos, manifest and exports are yours to change.

    \b
    Examples:
      fpn erase out --subject n000012 --dry-run
      fpn erase s3://bucket/out --face-ids withdrawn.txt
    """
    from dataclasses import asdict

    from pipeline.io.storage import Folder, without_credentials
    from pipeline.job.erase import Chosen
    from pipeline.job.erase import erase as erase_faces

    listed = list_path.read_text(encoding="utf-8").splitlines() if list_path else []
    ids = frozenset(face_ids) | {line for line in listed if line.strip()}
    if not ids and not subjects:
        raise click.UsageError("say who is erased: --subject, --face-id, or --face-ids with a file")
    with bar_of(1000, "parts") as advance:
        shown = 0

        def watch(done: int, of: int) -> None:
            nonlocal shown
            advance(1000 * done // of - shown)
            shown = 1000 * done // of

        chosen = Chosen(frozenset(subjects), ids, by)
        erased = erase_faces(Folder(out), chosen, manifest, dry_run=dry_run, watch=watch)
    place = without_credentials(out)
    if as_json:
        echo_json({"out": place, "dry_run": dry_run} | asdict(erased))
        return
    verb = "would be erased" if dry_run else "erased"
    note = ", by an erasure that had been stopped" if erased.continued else ""
    click.echo(f"{place}: {erased.faces:,} faces {verb} in {erased.parts:,} parts{note}")
    if erased.report_removed:
        click.echo("report.html showed photos and was deleted; fpn report writes a new one")
    for export in erased.stale_exports:
        click.echo(printable(f"an export that was made before may still hold them: {export}"))
