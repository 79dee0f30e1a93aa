"""Commands on pose networks: `fpn models ...`. They need nothing of the job or of Ray."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from faceposenet.known_detectors import KNOWN_DETECTORS
from fpn_core import ModelReport, default_model_path, describe_model, inspect_model
from fpn_core.convert import RELEASES, Release, convert_release
from fpn_core.metadata import metadata_to_spec
from fpn_core.precision import write_8_bit, write_half_precision
from pipeline.cli.exit_codes import FAILED
from pipeline.cli.group import SuggestingGroup
from pipeline.cli.options import echo_json, json_option
from pipeline.evaluate import crops_of, read_dataset
from pipeline.printable import printable

_PATH = click.Path(path_type=Path)


@click.group(cls=SuggestingGroup)
def models() -> None:
    """Look at pose networks, describe them, convert them; fetch a face detector."""


@models.command("inspect")
@click.argument("model", type=_PATH, required=False)
@json_option
def inspect_command(model: Path | None, as_json: bool) -> None:
    """Print what MODEL says of itself, its inputs and outputs, and whether it will run.

    Without MODEL: the network that comes with the package. The exit status is 1 for a file that the job would
    refuse.

    \b
    Examples:
      fpn models inspect
      fpn models inspect mine.onnx --json
    """
    path = default_model_path() if model is None else model
    report = inspect_model(path)
    if as_json:
        echo_json({"model": str(path)} | asdict(report))
    else:
        click.echo("\n".join(_report_lines(path, report)))
    if report.problem is not None:
        click.echo(printable(f"error: {report.problem}"), err=True)
        sys.exit(FAILED)


@models.command("fetch")
@click.argument("name", type=click.Choice(sorted(KNOWN_DETECTORS)))
@click.option("--from", "source", help="URL or path to take it from; by default where it is published.")
def fetch_command(name: str, source: str | None) -> None:
    """Fetch a face detector, which the package does not bring: afterwards NAME stands for its file.

    Its SHA-256 is checked. yunet: YuNet of the OpenCV Zoo, 233 kB, MIT licence.

    \b
    Examples:
      fpn models fetch yunet
      fpn models fetch yunet --from face_detection_yunet_2023mar.onnx
    """
    from pipeline.fetch import fetch_detector

    detector = KNOWN_DETECTORS[name]
    click.echo(f"{name}: {fetch_detector(detector, source)}; licence: {detector.licence}")


@models.command("describe")
@click.argument("model", type=_PATH)
@click.argument("out", type=_PATH)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    required=True,
    metavar="KEY=VALUE",
    help="Set one key, or remove it with an empty value; repeatable.",
)
def describe_command(model: Path, out: Path, assignments: tuple[str, ...]) -> None:
    """Copy MODEL to OUT with keys of its metadata changed, if they fit its graph.

    The keys and their values stand in the README of fpn_core.

    \b
    Example:
      fpn models describe exported.onnx mine.onnx --set name=mine --set rotation.form=quaternion_wxyz
    """
    changes = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{assignment!r} is not KEY=VALUE", param_hint="--set")
        changes[key.strip()] = value.strip()
    spec = describe_model(model, out, changes)
    click.echo(
        f"{out}: {spec.name}, rotations as {spec.rotation_form}, translations as {spec.translation_form}"
    )


@models.command("convert")
@click.argument("release", type=click.Choice(RELEASES))
@click.argument("folder", type=_PATH)
@click.argument("out", type=_PATH)
@click.option("--checkpoint", help="Which model_*.ckpt of fpn-2017, where FOLDER has several.")
@click.option(
    "--allow-pickle",
    is_flag=True,
    help="Also read statistics that were pickled, if they are arrays; for files from a source you trust.",
)
def convert_command(
    release: Release, folder: Path, out: Path, checkpoint: str | None, allow_pickle: bool
) -> None:
    """Convert a network that the original project released to OUT, an ONNX file that describes itself.

    FOLDER holds the files as they were released. TensorFlow is not needed, the package onnx is.

    \b
    Example:
      fpn models convert fpn-2017 fpn_new_model fpn-2017.onnx
    """
    spec = convert_release(release, folder, out, checkpoint, allow_pickle)
    click.echo(printable(f"{out}: {spec.name}; weights: {spec.licence}"))


@models.command("reduce")
@click.argument("model", type=_PATH)
@click.argument("out", type=_PATH)
@click.option(
    "--to",
    "precision",
    type=click.Choice(["fp16", "int8"]),
    required=True,
    help="fp16 for GPUs, int8 for CPUs.",
)
@click.option("--calibrate", type=_PATH, help="Data set whose faces show int8 the range of values.")
@click.option(
    "--faces",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Faces to calibrate with.",
)
def reduce_command(model: Path, out: Path, precision: str, calibrate: Path | None, faces: int) -> None:
    """Copy MODEL to OUT in half precision, for GPUs, or in 8-bit integers, for CPUs.

    \b
    Example:
      fpn models reduce mine.onnx mine-int8.onnx --to int8 --calibrate 300W/train
      fpn evaluate AFLW2000 --model mine-int8.onnx
    """
    if precision == "fp16":
        spec = write_half_precision(model, out)
    elif calibrate is None:
        raise click.UsageError("int8 needs faces to calibrate with: give --calibrate DATASET")
    else:
        described = metadata_to_spec(inspect_model(model).metadata)
        spec = write_8_bit(model, out, crops_of(read_dataset(calibrate), described, faces))
    sizes = [path.stat().st_size / 1e6 for path in (model, out)]
    click.echo(
        f"{out}: {spec.name}, {sizes[1]:.1f} MB instead of {sizes[0]:.1f}; measure it with fpn evaluate"
    )


def _report_lines(path: Path, report: ModelReport) -> Iterable[str]:
    yield f"{path}: {report.size_bytes / 1e6:.1f} MB, sha256 {report.sha256}"
    for kind, values in (("input", report.inputs), ("output", report.outputs)):
        for value in values:
            shape = " x ".join("?" if size is None else str(size) for size in value.shape)
            yield f"{kind:6}  {value.name}: {value.dtype} {shape or '(any shape)'}"
    for key, text in sorted(report.metadata.items()):
        yield f"{key} = {text}"
    if report.problem is None:
        yield "describes itself: it will run"
