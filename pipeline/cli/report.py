"""The commands for people's eyes: `fpn report`, a page on a job, and `fpn show`, one photo."""

import math
import sys
from pathlib import Path
from typing import Any

import click

from faceposenet import defaults
from pipeline.cli.options import echo_json, image_root_option, json_option


@click.command()
@click.argument("outs", metavar="OUT...", nargs=-1, required=True)
@image_root_option
@click.option("--to", "target", help="File or URI to write; by default OUT/report.html.")
@click.option("--faces", type=click.IntRange(0), default=24, show_default=True, help="Random faces to show.")
@click.option("--seed", default=0, show_default=True, help="Another seed shows other faces.")
@click.option("--manifest", help="The manifest, where it lies elsewhere by now or needs credentials.")
def report(
    outs: tuple[str, ...],
    image_root: str | None,
    target: str | None,
    faces: int,
    seed: int,
    manifest: str | None,
) -> None:
    """Write OUT/report.html: charts, rejects, faces, extremes and settings of a job, in one file.

    Each of several outputs gets its own.

    The page asks nothing of the network, so it can be sent around. It shows photos: keep it as private as
    they are.

    \b
    Examples:
      fpn report out
      fpn report s3://bucket/out --image-root /data/photos --to report.html
    """
    from pipeline.io.storage import without_credentials
    from pipeline.report.write import write_report

    if target is not None and len(outs) > 1:
        raise click.UsageError("--to names one file, and each of several outputs gets its own report")
    for out in outs:
        written = write_report(out, target, faces=faces, seed=seed, manifest=manifest, image_root=image_root)
        click.echo(f"report: {without_credentials(written)}")


class _Box(click.ParamType[tuple[float, ...]]):
    """x,y,width,height."""

    name = "x,y,width,height"

    def convert(
        self, value: str | tuple[float, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            box = tuple(map(float, value.split(","))) if isinstance(value, str) else value
        except ValueError:
            box = ()
        if len(box) != 4 or not all(map(math.isfinite, box)) or min(box[2:]) <= 0:
            self.fail(
                f"{value!r} is not a box: expected x,y,width,height in pixels of the upright photo", param
            )
        return box


class _Views(click.ParamType[tuple[float, ...]]):
    """Yaws."""

    name = "yaw,yaw,..."

    def convert(
        self, value: str | tuple[float, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if not isinstance(value, str):
            return value
        try:
            views = tuple(float(yaw) for yaw in value.split(","))
        except ValueError:
            views = ()
        if not views or len(set(views)) < len(views) or not all(map(math.isfinite, views)):
            self.fail(
                f"{value!r} is not a list of views: expected yaws in degrees, each once, such as 0,40", param
            )
        return views


class _PictureFile(click.Path):
    """A file to write a picture to."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if Path(value).suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
            self.fail(f"{str(value)!r}: expected a name that ends with .png, .jpg or .webp", param)
        return super().convert(value, param, ctx)


_path = click.Path(path_type=Path)


@click.command()
@click.argument("image")
@click.option("--box", type=_Box(), help="Where the face is; pixels of the upright photo.")
@click.option(
    "--detector", type=_path, help="Model that finds the faces: a file, or yunet.  [default: yunet]"
)
@click.option(
    "--to", "target", type=_PictureFile(path_type=Path), help="Picture file to write: .png, .jpg, .webp."
)
@click.option("--model", type=_path, help="Pose network; the package's own without it.")
@click.option("--head", default=defaults.HEAD, show_default=True, help="Name of the head.")
@click.option("--heads", type=_path, help="Folder of head files; the package's own heads without it.")
@click.option("--views", type=_Views(), default="0,22,40,55,75", show_default=True, help="Yaws in degrees.")
@click.option(
    "--size", "size_px", type=click.IntRange(32, 2048), default=224, show_default=True, help="Side of a view."
)
@json_option
def show(
    image: str,
    box: tuple[float, ...] | None,
    detector: Path | None,
    target: Path | None,
    model: Path | None,
    head: str,
    heads: Path | None,
    views: tuple[float, ...],
    size_px: int,
    as_json: bool,
) -> None:
    """Show one photo with the pose of its face and its views, and print the pose in words.

    Without --box a face detector finds the faces; `fpn models fetch yunet` gets one, once.

    Terminals that show pictures (kitty, iTerm2, WezTerm, Konsole, and with the extra `terminal` those with
    Sixel) show it; elsewhere it is written to a file here.

    \b
    Examples:
      fpn show photo.jpg
      fpn show photo.jpg --box 108,120,170,179 --views 0,40 --to face.png
    """
    from faceposenet import FacePoser, Picture
    from faceposenet.known_detectors import YUNET, how_to_fetch
    from pipeline.show.picture import draw_picture
    from pipeline.show.show import as_record, describe, look_at
    from pipeline.show.terminal import show_picture

    if box and detector:
        raise click.UsageError("give --box or --detector, not both")
    if not box and not detector and not YUNET.path.is_file():
        raise click.UsageError(
            "say where the face is with --box x,y,width,height, or have it found by a detector: "
            + how_to_fetch()
        )
    where = box or detector or YUNET.path
    poser = FacePoser(model, head=head, heads=heads)
    looked = look_at(image, where, poser, views, size_px)
    picture = Picture(draw_picture(looked))
    shown = not as_json and target is None and show_picture(picture._repr_png_(), sys.stdout)
    if not shown:
        target = picture.save(target or Path(f"{Path(image).stem}.pose.png"))
    if as_json:
        echo_json(as_record(looked) | {"picture": str(target)})
        return
    click.echo(describe(looked))
    if not shown:
        click.echo(f"picture: {target}")
