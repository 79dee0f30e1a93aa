"""`fpn manifest`: manifests from photos, and from the files that other projects keep faces in."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from pipeline.cli.group import SuggestingGroup
from pipeline.cli.options import address_option, echo_json, given, json_option
from pipeline.printable import printable

if TYPE_CHECKING:
    from pipeline.manifest.build.chunks import Totals
    from pipeline.manifest.build.photos import Source

_SHOWN_EVERY_S = 2.0

_detector = click.option(
    "--detector",
    metavar="MODEL.onnx",
    help="Find the faces with this model of OpenCV's FaceDetectorYN (YuNet).",
)
_box = click.option(
    "--box",
    type=click.Choice(["whole", "aligned"]),
    help="Instead of a detector: the box is the whole image, or that of an aligned 112 px crop.",
)
_faces = click.option(
    "--faces",
    type=click.Choice(["all", "largest", "central"]),
    default="all",
    show_default=True,
    help="Which of several faces in an image.",
)
_min_score = click.option(
    "--min-score", type=click.FloatRange(0, 1), help="Minimum detection score.  [default: 0.7]"
)
_longest = click.option(
    "--detector-px",
    "longest_px",
    type=click.IntRange(min=64),
    help="Photos are shrunk to this longer side to find faces.  [default: 1280]",
)
_relative_to = click.option(
    "--relative-to",
    metavar="FOLDER",
    help="Name images relative to this folder, for fpn run --image-root.  [default: OUT's folder]",
)
_workers = click.option(
    "--workers", type=click.IntRange(min=1), help="Processes.  [default: one for every core]"
)
_runner = click.option(
    "--runner",
    type=click.Choice(["auto", "local", "ray"]),
    default="auto",
    show_default=True,
    help="Processes of this machine, or a Ray cluster's CPUs; auto: Ray where a cluster is named.",
)


def _finding(command: Callable[..., None]) -> Callable[..., None]:
    """The options on finding faces, which all ways have."""
    for option in (
        json_option,
        address_option,
        _runner,
        _workers,
        _relative_to,
        _longest,
        _min_score,
        _faces,
        _box,
        _detector,
    ):
        command = option(command)
    return command


@click.group(cls=SuggestingGroup)
def manifest() -> None:
    """Make a manifest: which face is where.

    OUT is a Parquet file. Images that get no row are in OUT.rejects.parquet, each with the reason. A command
    that was stopped continues where it was.
    """


@manifest.command("from-images", short_help="Of a folder of photos.")
@click.argument("folder")
@click.argument("out")
@click.option("--follow-links", is_flag=True, help="Follow links that lead out of FOLDER.")
@_finding
def from_images(folder: str, out: str, follow_links: bool, **finding: Any) -> None:
    """The faces of all images in FOLDER and the folders in it.

    \b
    Examples:
      fpn manifest from-images photos faces.parquet --detector face_detection_yunet_2023mar.onnx
      fpn manifest from-images s3://bucket/photos s3://bucket/faces.parquet --detector yunet.onnx --runner ray
    """
    from pipeline.manifest.build.tree import TreeSource

    _build(TreeSource(folder, _image_folder(out, finding), follow_links=follow_links), out, finding)


@manifest.command("from-imagefolder", short_help="Of a folder of folders, one a subject.")
@click.argument("folder")
@click.argument("out")
@click.option("--follow-links", is_flag=True, help="Follow links that lead out of FOLDER.")
@_finding
def from_imagefolder(folder: str, out: str, follow_links: bool, **finding: Any) -> None:
    """The same of FOLDER/SUBJECT/...: the name of the first folder becomes `subject_id`.

    \b
    Examples:
      fpn manifest from-imagefolder vggface2 faces.parquet --detector yunet.onnx --faces largest
      fpn manifest from-imagefolder aligned faces.parquet --box aligned
    """
    from pipeline.manifest.build.tree import TreeSource

    _build(
        TreeSource(folder, _image_folder(out, finding), subjects=True, follow_links=follow_links),
        out,
        finding,
    )


@manifest.command("from-csv", short_help="From any CSV file.")
@click.argument("file")
@click.argument("out")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=THEIRS",
    help="FILE's column THEIRS becomes NAME, for instance face_id=key or subject_id=identity; repeatable.",
)
@click.option(
    "--boxes",
    type=click.Choice(["xywh", "xyxy", "cxcywh"]),
    default="xywh",
    show_default=True,
    help="What the numbers of a box are: x, y, width, height; x1, y1, x2, y2; or cx, cy, width, height.",
)
@click.option(
    "--carry", multiple=True, metavar="NAME", help="Take this column along; repeatable.  [default: all]"
)
@click.option("--image-root", help="Folder or URI of relative image paths; by default FILE's folder.")
@click.option("--delimiter", help="[default: what the header has most of: comma, semicolon, tab or bar]")
@click.option("--encoding", default="utf-8", show_default=True, help="Of FILE, for instance latin-1.")
@_finding
def from_csv(
    file: str,
    out: str,
    columns: tuple[str, ...],
    boxes: str,
    carry: tuple[str, ...],
    image_root: str | None,
    delimiter: str | None,
    encoding: str,
    **finding: Any,
) -> None:
    """The rows of any CSV file: faces with boxes, or photos for the detector.

    \b
    Example:
      fpn manifest from-csv boxes.csv faces.parquet --column image=path --column face_id=key --boxes xyxy
    """
    from pipeline.manifest.build.table import BoxForm, TableSource

    pairs = [column.partition("=") for column in columns]
    wrong = [
        column for column, (ours, _, theirs) in zip(columns, pairs, strict=True) if not ours or not theirs
    ]
    if wrong:
        raise click.BadParameter(f"expected NAME=THEIRS, got {wrong[0]!r}", param_hint="--column")
    source = TableSource(
        file,
        _image_folder(out, finding),
        {ours: theirs for ours, _, theirs in pairs},
        cast(BoxForm, boxes),
        carry or None,
        image_root,
        "\t" if delimiter == "\\t" else delimiter,
        encoding,
    )
    _build(source, out, finding, needs_rule=False)


@manifest.command("from-webdataset", short_help="Of WebDataset shards.")
@click.argument("shards")
@click.argument("out")
@click.option("--subject", metavar="FIELD", help="Field of the JSON, or cls.  [default: subject_id or cls]")
@click.option(
    "--carry", multiple=True, metavar="FIELD", help="Take this field of the JSON along; repeatable."
)
@_finding
def from_webdataset(
    shards: str, out: str, subject: str | None, carry: tuple[str, ...], **finding: Any
) -> None:
    """The images in a WebDataset shard, or in a folder of SHARDS, which stay where they are.

    A box in a sample's JSON (x, y, width, height, or box) is taken; the detector is for the others.

    \b
    Example:
      fpn manifest from-webdataset shards faces.parquet --detector face_detection_yunet_2023mar.onnx
    """
    from pipeline.manifest.build.shards import ShardSource

    _build(ShardSource(shards, _image_folder(out, finding), subject, carry), out, finding, needs_rule=False)


@manifest.command("from-recordio", short_help="Of a .rec file (MXNet, InsightFace).")
@click.argument("file")
@click.argument("out")
@_finding
def from_recordio(file: str, out: str, **finding: Any) -> None:
    """The images of a .rec FILE (MXNet, InsightFace), which stay in it; labels become `subject_id`.

    Without --detector and --box the images are taken for aligned crops of 112 px.

    \b
    Example:
      fpn manifest from-recordio faces_webface_112x112/train.rec faces.parquet
    """
    from pipeline.manifest.build.records import RecordSource

    if not finding["detector"] and not finding["box"]:
        finding["box"] = "aligned"
    _build(RecordSource(file, _image_folder(out, finding)), out, finding)


def _image_folder(out: str, finding: dict[str, Any]) -> str:
    """The folder that images are named relative to."""
    from pathlib import Path

    from faceposenet.photo.locations import is_uri, plain_path
    from pipeline.manifest.build.naming import real_folder

    if not finding["relative_to"]:
        return real_folder(out)
    folder = plain_path(finding["relative_to"])
    return folder if is_uri(folder) else str(Path(folder).resolve())


def _build(source: "Source", out: str, finding: dict[str, Any], *, needs_rule: bool = True) -> None:
    from pipeline.config.settings import load_config
    from pipeline.io.storage import without_credentials
    from pipeline.manifest.build.find import FinderSettings
    from pipeline.manifest.build.make import build_manifest

    as_json = finding.pop("as_json")
    folder = _image_folder(out, finding)
    relative_to = finding.pop("relative_to")
    engine = {name: finding.pop(name) for name in ("runner", "address", "workers")}
    if finding["detector"] and finding["box"]:
        raise click.UsageError("give either --detector or --box")
    if needs_rule and not finding["detector"] and not finding["box"]:
        raise click.UsageError(
            "say where the faces are: --detector MODEL.onnx finds them, --box whole or aligned is a rule"
        )
    settings = FinderSettings(**given(**finding))
    where = load_config(values={f"engine.{name}": value for name, value in given(**engine).items()}).engine
    progress = _Progress()
    try:
        built = build_manifest(source, settings, out, engine=where, say=progress, image_folder=folder)
    finally:
        progress.close()
    totals, shown = built.totals, without_credentials(built.manifest)
    rejects = without_credentials(built.rejects)
    if as_json:
        echo_json(
            {
                "manifest": shown,
                "rejects": rejects,
                "images": totals.images,
                "images_with_faces": totals.with_faces,
                "images_rejected": dict(sorted(totals.rejected.items())),
                "faces": totals.faces,
                "faces_left_out": totals.left_out,
            }
        )
        return
    click.echo(
        f"{shown}: {totals.faces:,} faces in {totals.with_faces:,} of {totals.images:,} images"
        + (f"; {totals.left_out:,} more faces were not asked for" if totals.left_out else "")
    )
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(totals.rejected.items()))
    click.echo(f"{rejects}: {totals.rejected.total():,} images without a face: {counts or 'none'}")
    if source.note():
        click.echo(printable(source.note()))
    if relative_to:
        click.echo(f"images are named relative to {without_credentials(folder)}: fpn run needs --image-root")
    if not totals.faces:
        click.echo("note: no face was found, so the manifest has no rows; fpn run refuses one without rows")


class _Progress:
    """A line on the terminal every few seconds, and none elsewhere."""

    def __init__(self) -> None:
        self._started_s = self._shown_s = time.monotonic()
        self._live = sys.stderr.isatty()

    def __call__(self, totals: "Totals") -> None:
        now = time.monotonic()
        if self._live and now - self._shown_s >= _SHOWN_EVERY_S:
            self._shown_s = now
            rate = totals.images / (now - self._started_s)
            print(
                f"\r\033[K{totals.images:,} images, {rate:.0f} images/s, {totals.faces:,} faces, "
                f"{totals.rejected.total():,} without",
                end="",
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
