"""`fpn verify`: proof that results are whole."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipeline.cli.exit_codes import INCOMPLETE
from pipeline.cli.options import bar_over, echo_json, json_option
from pipeline.printable import printable

if TYPE_CHECKING:
    from pipeline.job.verify import Verification


class _Share(click.ParamType[float]):
    """A share: 1% or 0.01."""

    name = "share"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 < share <= 1:
            self.fail(f"{text!r} is no share: expected for instance 1% or 0.01", param)
        return share


@click.command()
@click.argument("outs", metavar="OUT...", nargs=-1, required=True)
@click.option("--manifest", help="The manifest, where it is elsewhere by now or needs credentials.")
@click.option(
    "--sample",
    type=_Share(),
    default="100%",
    show_default=True,
    help="Share of the parts that are read; of the others only the sizes are compared.",
)
@click.option("--quick", is_flag=True, help="Compare counts and sizes alone, and read no results.")
@json_option
def verify(outs: tuple[str, ...], manifest: str | None, sample: float, quick: bool, as_json: bool) -> None:
    """Re-read the results in OUT...: checksums, counts, and every face of the manifest exactly once.

    Of several outputs each is verified, and whether a face id stands in two of them.

    \b
    Examples:
      fpn verify out
      fpn verify s3://bucket/out --sample 1%
      fpn verify s3://bucket/out --quick
    """
    from pipeline.io.storage import Folder, without_credentials
    from pipeline.job.seen_ids import SeenIds
    from pipeline.job.verify import verify as verify_output

    share = 0.0 if quick else sample
    records, n_problems = [], 0
    with SeenIds() as joint:
        for out in outs:
            found = verify_output(Folder(out), lambda parts: bar_over(parts, "parts"), manifest, share, joint)
            n_problems += len(found.problems)
            records.append({"out": without_credentials(out)} | asdict(found))
            if not as_json:
                _tell(without_credentials(out), found, share)
        in_two = joint.repeated("first") if len(outs) > 1 else 0
    if as_json:
        echo_json(records[0] if len(outs) == 1 else {"outputs": records, "ids_in_two_outputs": in_two})
    elif in_two:
        click.echo(f"{in_two:,} face ids stand in more than one of the outputs")
    if n_problems and not as_json:
        click.echo(f"error: {n_problems} problems; fpn run continues an unfinished job", err=True)
    if n_problems or in_two:
        sys.exit(INCOMPLETE)


def _tell(shown: str, found: "Verification", share: float) -> None:
    """Say what was found of an output."""
    click.echo(
        f"{shown}: {found.parts:,} of {found.expected_parts:,} parts, {found.faces:,} faces = "
        f"{found.posed:,} posed + {found.rejected:,} rejected, {found.views:,} views"
        + (f"; {found.erased:,} were erased" if found.erased else "")
    )
    for export in found.stale_exports:
        click.echo(printable(f"made before the last erasure, and may hold faces that were erased: {export}"))
    for problem in found.problems:
        click.echo(printable(f"  {problem}"))
    if share < 1:
        click.echo(f"{found.parts_read:,} parts were read; of the others only counts and sizes were compared")
    elif not found.compared:
        click.echo(printable(f"the faces were not compared with the manifest: {found.why_not_compared}"))
    if found.problems:
        return
    if share < 1:
        click.echo("no problem was found")
        return
    same = "; their ids are the manifest's" if found.compared else ""
    click.echo(f"all files are as they were written, no face is missing or twice{same}")
