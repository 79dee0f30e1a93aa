"""What was measured of recognition as a table, as curves, and as a sheet of the worst pairs."""

import io

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from pipeline.evaluate.recognition.alignments import Aligner, Alignment
from pipeline.evaluate.recognition.embeddings import Boxes
from pipeline.evaluate.recognition.evaluation import AS_THEY_ARE, AlignmentScores, Recognition

_SHEET_ROWS = 12
_LABEL_PX = 18
_GAP_PX = 24
_LOWEST_FAR = 1e-5


def table(found: Recognition) -> str:
    """Writes the rates of all alignments as lines of text."""
    pairs = found.pairs
    genuine, people = int(pairs.same.sum()), len(np.unique(pairs.person))
    lines = [
        f"{pairs.kind}: {len(pairs.faces):,} faces of {people:,} people, {genuine:,} pairs of one person, "
        f"{len(pairs.same) - genuine:,} of two",
        f"embedding: {found.network} ({found.licence})",
    ]
    if found.unreadable:
        lines.append(
            f"left out: {len(found.unreadable):,} faces without readable photo or box, such as "
            f"{found.unreadable[0]}, and {found.dropped_pairs:,} pairs with them"
        )
    for condition, by_alignment in found.results.items():
        lines += ["", condition, *_lines(by_alignment)]
    if found.refused:
        levels = ", ".join(f"{level:g}" for level in found.refused)
        lines += ["", f"not measured: FAR {levels}, for which there are too few pairs of two people"]
    lines += ["", "percent; 95 % intervals by bootstrap over people; differences on the same replicates"]
    return "\n".join(lines)


def _lines(by_alignment: "dict[Alignment, AlignmentScores] | object") -> list[str]:
    assert isinstance(by_alignment, dict)
    levels = list(next(iter(by_alignment.values())).tar)
    with_accuracy = any(scores.accuracy is not None for scores in by_alignment.values())
    head = f"{'alignment':12}{'EER':>20}{'to the first':>22}"
    head += "".join(f"{f'TAR at {level}':>22}" for level in levels)
    lines = [head + (f"{'accuracy':>10}" if with_accuracy else "") + f"{'by box':>9}"]
    for name, scores in by_alignment.items():
        difference = "-" if scores.eer_difference is None else str(scores.eer_difference)
        line = f"{name:12}{scores.eer!s:>20}{difference:>22}"
        line += "".join(f"{scores.tar[level]!s:>22}" for level in levels)
        if with_accuracy:
            line += f"{scores.accuracy:10.2f}" if scores.accuracy is not None else f"{'-':>10}"
        lines.append(f"{line}{scores.fallback_percent:9.1f}")
    for name, scores in by_alignment.items():
        for yaw, rates in scores.by_yaw.items():
            tar = "".join(f"   TAR at {level} {value:.1f}" for level, value in rates.tar.items())
            lines.append(f"  {name}, larger yaw {yaw}: {rates.genuine:,} genuine, EER {rates.eer:.1f}{tar}")
    return lines


def plot(found: Recognition) -> UInt8[np.ndarray, "h w 3"]:
    """Draws the curves of all alignments and conditions, false accept rates on a logarithmic axis."""
    from matplotlib.figure import Figure  # noqa: PLC0415  (takes a second)

    figure = Figure(figsize=(5.5 * len(found.results), 4.5), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(found.results), squeeze=False)[0]
    for axis, (condition, by_alignment) in zip(axes, found.results.items(), strict=True):
        for name, scores in by_alignment.items():
            far, tar = scores.curve
            axis.plot(np.maximum(far, _LOWEST_FAR), tar, label=f"{name} (EER {scores.eer.value:.1f} %)")
        axis.set(xscale="log", xlim=(1e-4, 1), ylim=(0, 1), title=condition)
        axis.set(xlabel="false accept rate", ylabel="true accept rate")
        axis.grid(visible=True, alpha=0.3)
        axis.legend(loc="upper left")
    sink = io.BytesIO()
    figure.savefig(sink, format="png")
    return np.asarray(cv2.imdecode(np.frombuffer(sink.getvalue(), np.uint8), cv2.IMREAD_COLOR))


def worst_pairs(found: Recognition, aligner: Aligner, boxes: Boxes) -> UInt8[np.ndarray, "h w 3"]:
    """Draws the worst pairs of the last alignment: on the left one person that scored lowest, on the right
    two people that scored highest."""
    name, scores = list(found.results[AS_THEY_ARE].items())[-1]
    order = np.argsort(scores.scores, kind="stable")
    same = found.pairs.same[order]
    columns = []
    for chosen, title in (
        (order[same], "one person, lowest scores"),
        (order[~same][::-1], "two people, highest"),
    ):
        rows = [
            _pair(found, aligner, boxes, name, int(pair), scores.scores[pair])
            for pair in chosen[:_SHEET_ROWS]
        ]
        heading = np.full((_LABEL_PX, rows[0].shape[1], 3), 255, np.uint8)
        _write(heading, title)
        columns.append(np.concatenate([heading, *rows]))
    height = max(len(column) for column in columns)
    columns = [
        cv2.copyMakeBorder(column, 0, height - len(column), 0, _GAP_PX, cv2.BORDER_CONSTANT, value=(255,) * 3)
        for column in columns
    ]
    return np.concatenate(columns, axis=1)


def _pair(
    found: Recognition, aligner: Aligner, boxes: Boxes, alignment: Alignment, pair: int, score: float
) -> NDArray[np.uint8]:
    crops = []
    names = []
    for side in (found.pairs.first, found.pairs.second):
        face = found.pairs.faces[side[pair]]
        photo = face.read_photo()
        assert photo is not None, "the pairs are those with photos"
        box = boxes.find(face, photo)
        assert box is not None, "the pairs are those with boxes"
        (posed,) = aligner.poses([photo], box[None])
        made = aligner.crops("pose" if alignment == "pose+views" else alignment, photo, box, posed)
        crops.append(aligner.by_box(photo, box) if made is None else made[0])
        names.append(face.name)
    picture = np.concatenate(crops, axis=1)
    label = np.full((_LABEL_PX, picture.shape[1], 3), 255, np.uint8)
    _write(label, f"{score:.2f} {names[0]} | {names[1]}")
    return np.concatenate([picture, label])


def _write(picture: NDArray[np.uint8], text: str) -> None:
    cv2.putText(picture, text, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.32, (0, 0, 0), 1, cv2.LINE_AA)
