"""`fpn duplicates`: photos that are there twice, and faces far from their subject."""

from pathlib import Path

import click

from pipeline.cli.export import Progress
from pipeline.cli.options import echo_json, json_option


@click.command()
@click.argument("out")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Parquet file to write, one row per face.",
)
@click.option("--by", metavar="COLUMN", help="Column of the subject; without it, subjects are left out.")
@click.option("--embedding", metavar="COLUMN", help="Column of an embedding; without it, pictures alone.")
@json_option
def duplicates(out: str, target: Path, by: str | None, embedding: str | None, as_json: bool) -> None:
    """Find near-identical photos, the most alike faces, and faces far from their subject.

    The upright crops of the job in OUT are compared by a perceptual hash, and embeddings by their cosine.
    Nothing is deleted: fpn export --where can ask the table.

    \b
    Examples:
      fpn duplicates out --to duplicates.parquet
      fpn duplicates out --to duplicates.parquet --by subject_id --embedding embedding
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from pipeline.duplicates.table import find_duplicates
    from pipeline.errors import StorageError

    progress = Progress()
    try:
        table = find_duplicates(out, by=by, embedding=embedding, say=progress)
    finally:
        progress.close()
    try:
        pq.write_table(table, target, compression="zstd")
    except OSError as error:
        raise StorageError(f"cannot write {str(target)!r}: {error}") from error
    same = len(table) - table["same_photo_as"].null_count
    if as_json:
        echo_json({"to": str(target), "faces": len(table), "same_photos": same})
        return
    click.echo(f"{target}: {len(table):,} faces, {same:,} of them with the photo of another")
    if "centre_cosine" in table.column_names and len(table) > table["centre_cosine"].null_count:
        low, middle = (float(q.as_py()) for q in pc.quantile(table["centre_cosine"], [0.01, 0.5]))
        click.echo(
            f"cosine to the subject's centre: {middle:.2f} in the median, below {low:.2f} for 1 % of faces"
        )
