"""`fpn evaluate`: errors of a pose network, or how well an embedding recognises faces by alignment."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from jaxtyping import UInt8

from fpn_core import MirrorAveraged, PoseNetwork
from fpn_core.session import DEVICES, Device
from pipeline.cli.options import bar_of, echo_json, json_option
from pipeline.evaluate import evaluate, plot, read_dataset, stress, stress_table, table

_PATH = click.Path(path_type=Path)


class _Alignments(click.ParamType[tuple[str, ...]]):
    """Names of alignments."""

    name = "name,name,..."

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        from pipeline.evaluate.recognition.alignments import ALIGNMENTS

        names = tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value
        unknown = [name for name in names if name not in ALIGNMENTS]
        if unknown or len(set(names)) < len(names):
            known = ", ".join(ALIGNMENTS)
            self.fail(f"{value!r}: expected some of {known}, each once, with commas between", param)
        return names


@click.command("evaluate")
@click.argument("dataset", metavar="DATASET|PAIRS", type=_PATH)
@click.option("--model", type=_PATH, help="Pose network; by default that of the package.")
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Where the networks run.",
)
@click.option("--average-mirrored", is_flag=True, help="Average every pose with that of the mirror image.")
@click.option(
    "--stress", "stressed", is_flag=True, help="Also spoil the photos: other boxes, small, covered, turned."
)
@click.option("--embedding", type=_PATH, help="Measure recognition with this network: net.yaml.")
@click.option(
    "--align",
    "alignments",
    type=_Alignments(),
    help="Ways to align: none, box, detector, pose, pose+views.  [default: box,detector,pose,pose+views]",
)
@click.option("--detector", type=_PATH, help="YuNet: aligns by its points, finds boxes where there are none.")
@click.option(
    "--box", "rule", type=click.Choice(["whole", "aligned"]), help="Boxes of faces without, by a rule."
)
@click.option("--by", default="subject_id", show_default=True, help="Column of the subject, for all pairs.")
@click.option("--across", metavar="COLUMN", help="Compare only faces that differ in this column.")
@click.option("--keep", type=_PATH, help="Folder for embeddings; scoring again is then free.")
@click.option("--sheet", type=_PATH, help="Also draw the worst pairs into this picture.")
@json_option
@click.option("--plot", "picture", type=_PATH, help="Also draw the errors into this picture (.png, .jpg).")
def evaluate_command(
    dataset: Path,
    model: Path | None,
    device: Device,
    average_mirrored: bool,
    stressed: bool,
    as_json: bool,
    picture: Path | None,
    **recognition: Any,
) -> None:
    """Measure the errors of a pose network on labelled photos, or recognition by alignment.

    DATASET is a folder like AFLW2000-3D (.mat), BIWI (frame_*_pose.txt), 300-W (.pts), or with a labels.json.
    With --embedding, PAIRS are LFW's pairs.txt, the folder of CFP, a .bin of InsightFace, a table with
    image_a, image_b, same and fold, or faces with a subject.

    \b
    Examples:
      fpn evaluate AFLW2000 --model mine.onnx --plot mine.png
      fpn evaluate AFLW2000 --stress
      fpn evaluate BIWI --average-mirrored --json
      fpn evaluate faces.parquet --embedding net.yaml --align box,pose,pose+views
    """
    if recognition["embedding"] is not None:
        if average_mirrored:
            raise click.UsageError("--average-mirrored is not for recognition")
        _recognise(dataset, model, device, stressed, as_json, picture, **recognition)
        return
    options = {"alignments": "align", "rule": "box"} | {n: n for n in ("detector", "across", "keep", "sheet")}
    for name, option in options.items():
        if recognition[name]:
            raise click.UsageError(f"--{option} needs --embedding net.yaml")
    network = PoseNetwork(model, device)
    labelled = read_dataset(dataset)
    with bar_of(len(labelled.samples), "faces") as advance:
        evaluation = evaluate(labelled, dataset.name, network, average_mirrored, advance)
    asked = MirrorAveraged(network) if average_mirrored else network
    found = stress(labelled, asked) if stressed else None
    if as_json:
        echo_json(evaluation.as_json() | ({"stress": asdict(found)} if found else {}))
    else:
        click.echo(table(evaluation))
        if found:
            click.echo("\n" + stress_table(found))
    if picture is not None:
        write_picture(picture, plot(evaluation))


def _recognise(
    source: Path,
    model: Path | None,
    device: Device,
    stressed: bool,
    as_json: bool,
    picture: Path | None,
    *,
    embedding: Path,
    alignments: tuple[Any, ...] | None,
    detector: Path | None,
    rule: str | None,
    by: str,
    across: str | None,
    keep: Path | None,
    sheet: Path | None,
) -> None:
    from faceposenet.detector import FaceDetector
    from pipeline.columns.description import read_description
    from pipeline.columns.network import FaceNetwork
    from pipeline.config.settings import EngineSettings
    from pipeline.evaluate.recognition import report
    from pipeline.evaluate.recognition.alignments import ALIGNMENTS, Aligner
    from pipeline.evaluate.recognition.conditions import CONDITIONS
    from pipeline.evaluate.recognition.embeddings import Boxes
    from pipeline.evaluate.recognition.evaluation import evaluate_recognition
    from pipeline.evaluate.recognition.readers import read_pairs

    if alignments is None:
        alignments = tuple(a for a in ALIGNMENTS if a != "none" and (detector or a != "detector"))
    if "detector" in alignments and detector is None:
        raise click.UsageError("--align detector needs --detector MODEL.onnx, such as YuNet")
    network = FaceNetwork(read_description(embedding), device)
    pairs = read_pairs(source, subject=by, across=across)
    template = network.description.input_template
    cache = EngineSettings().cache_path
    aligner = Aligner(template, model=model, detector=detector, device=device, cache_dir=cache)
    boxes = Boxes(None if detector is None else FaceDetector(detector), rule)
    if rule is None and source.suffix == ".bin":
        boxes = Boxes(None, "aligned")
    conditions = CONDITIONS if stressed else CONDITIONS[:1]
    with bar_of(len(pairs.faces) * len(conditions), "faces") as advance:
        found = evaluate_recognition(
            pairs,
            alignments,
            conditions,
            aligner,
            network,
            boxes,
            keep=keep,
            detector=detector,
            advance=advance,
        )
    if as_json:
        echo_json(found.as_json())
    else:
        click.echo(report.table(found))
    if picture is not None:
        write_picture(picture, report.plot(found))
    if sheet is not None:
        write_picture(sheet, report.worst_pairs(found, aligner, boxes))


def write_picture(path: Path, picture: UInt8[np.ndarray, "h w 3"]) -> None:
    """Writes a BGR picture in the format of the file's suffix."""
    try:
        encoded = cv2.imencode(path.suffix, picture)[1]
    except cv2.error as error:
        raise click.BadParameter(f"{path.name!r} has no suffix of a picture, such as .png") from error
    path.write_bytes(bytes(encoded))
