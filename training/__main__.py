"""The commands of training: `python -m training --help`."""

import sys
from pathlib import Path

import click

from fpn_core import FpnError
from pipeline.evaluate.dataset import read_dataset
from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.risk_coverage import doubt_lines
from training.config import ConfigError, load_config, load_front, load_synthesis
from training.crops import TrainingDataError, write_crops

_path = click.Path(path_type=Path)
_OURS = (ConfigError, TrainingDataError, DatasetError, FpnError)


class _Group(click.Group):
    """Shows errors of ours as one line."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except _OURS as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train a pose network: label or render faces, train, export."""


@main.command()
@click.argument("dataset", type=_path)
@click.argument("out", type=_path)
@click.option("--source", default="own", show_default=True, help="What the faces are called in the labels.")
def label(dataset: Path, out: Path, source: str) -> None:
    """Make photos with 68 landmarks into a training set.

    DATASET is a folder of one of the kinds that `fpn evaluate` reads: labels.json, 300-W, 300W-LP.

    \b
    Example:
      python -m training label 300W/train own_crops
    """
    from training.label import label_faces  # noqa: PLC0415

    found = read_dataset(dataset)
    left_out = dict(found.left_out)
    faces = write_crops(out, label_faces(found, source, left_out))
    reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
    click.echo(f"{out}: {faces:,} faces; left out: {reasons or 'none'}")


@main.command()
@click.argument("config", type=_path)
@click.argument("out", type=_path)
def render(config: Path, out: Path) -> None:
    """Render the faces of the training sets in CONFIG (YAML) to wide poses, as another training set.

    \b
    Example:
      python -m training render training/fpn-open-v3-views.yaml training_out/fpn-open-v3-views
    """
    from training.dataset import load_faces  # noqa: PLC0415
    from training.synthesis import render_faces  # noqa: PLC0415

    settings = load_synthesis(config)
    faces = write_crops(out, render_faces(load_faces(settings.data), settings))
    click.echo(f"{out}: {faces:,} faces")


@main.command()
@click.argument("config", type=_path)
@click.argument("out", type=_path)
def train(config: Path, out: Path) -> None:
    """Train the network of the YAML file CONFIG; the same command continues a run that was stopped.

    \b
    Example:
      python -m training train training/fpn-open-v3.yaml training_out/fpn-open-v3
    """
    from training.loop import run  # noqa: PLC0415

    run(load_config(config), out)


@main.command()
@click.argument("config", type=_path)
@click.argument("out", type=_path)
@click.option("--to", "destination", type=_path, help="The file to write.  [default: OUT/NAME.onnx]")
@click.option("--int8", is_flag=True, help="Also write NAME-int8.onnx beside it, in 8-bit integers.")
def export(config: Path, out: Path, destination: Path | None, int8: bool) -> None:
    """Write the network trained in OUT as an ONNX file, with a calibrated confidence.

    \b
    Example:
      python -m training export training/fpn-open-v3.yaml training_out/fpn-open-v3 --int8
      fpn evaluate AFLW2000 --model training_out/fpn-open-v3/fpn-open-v3.onnx
    """
    from training.export import export_run  # noqa: PLC0415

    settings = load_config(config)
    target = destination or out / f"{settings.name}.onnx"
    exported = export_run(settings, out, target, target.with_stem(f"{target.stem}-int8") if int8 else None)
    click.echo(
        f"{target}: {target.stat().st_size / 1e6:.1f} MB, differs from the network by at most"
        f" {exported.difference:.1e}; expected error = exp({exported.calibration.offset:.2f} +"
        f" {exported.calibration.slope:.2f} x what the network says)"
    )
    for which, doubt in (("faces", exported.doubt), ("wide faces", exported.doubt_wide)):
        if doubt is not None:
            click.echo("\n".join([f"{which} held out, spoiled as in training:", *doubt_lines(doubt)]))


@main.command()
@click.argument("config", type=_path)
@click.argument("out", type=_path)
def front(config: Path, out: Path) -> None:
    """Compare the networks of the YAML file CONFIG: the same short run for each, then speed and accuracy.

    \b
    Example:
      python -m training front training/front.yaml training_out/front
    """
    from training.front import measure_front  # noqa: PLC0415

    settings = load_front(config)
    for point in measure_front(settings.training, settings.networks, out):
        click.echo(
            f"{point.name:18} {point.parameters / 1e6:5.2f} M parameters, {point.relative_time:.2f} of the"
            f" first's time, error {point.mean_deg:.1f} degrees (median {point.median_deg:.1f})"
        )


if __name__ == "__main__":
    main()
