"""An evaluation as a table of text and as a picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from pipeline.evaluate.conventions import ANGLE_NAMES
from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.risk_coverage import doubt_lines
from pipeline.evaluate.scores import WIDE_DEG, WITHIN_DEG, Scores

_COLUMNS = (
    *(("faces", 6),),
    *((name, 7) for name in (*ANGLE_NAMES, "mean", "angle", "median")),
    *((f"<{limit}", 8) for limit in WITHIN_DEG),
    *((name, 7) for name in ("eyes", "box", "inner")),
)
_INTERVALS = {
    "mean_mae_deg": "mean",
    "geodesic_deg": "angle",
    "geodesic_median_deg": "median",
    "landmarks_eyes_percent": "eyes",
    "landmarks_box_percent": "box",
    "inner_box_percent": "inner",
}
"""What the columns are called whose numbers have intervals."""
_HEIGHT_PX, _PANEL_PX, _MARGIN_PX = 360, 460, 52
_COLOURS_BGR = ((180, 119, 31), (14, 127, 255), (44, 160, 44), (90, 90, 90))
_INK_BGR, _GRID_BGR = (60, 60, 60), (225, 225, 225)


def table(evaluation: Evaluation) -> str:
    """Scores of all faces and of every bin of yaw, with the meaning of the columns below."""
    header = f"{'|yaw|':8}" + "".join(f"{name:>{width}}" for name, width in _COLUMNS)
    rows = list(evaluation.by_yaw.items())
    if evaluation.wide is not None:
        rows.append((f">{WIDE_DEG}", evaluation.wide))
    rows.append(("all", evaluation.all))
    lines = [
        f"{evaluation.network} on {evaluation.dataset} ({evaluation.kind})",
        header,
        *(f"{name:8}" + _row(scores) for name, scores in rows),
        "yaw, pitch, roll, mean: mean absolute error in degrees, angles as AFLW2000-3D counts them",
        "angle, median: of the angle between pose and label; <5: % of faces below 5 degrees of it",
        "eyes, box: mean distance of points in % of the outer eye corners' distance, of their box's side;"
        " inner: as box, for eyes, nose and mouth",
        *_interval_lines(evaluation),
    ]
    if evaluation.doubt is not None:
        lines += doubt_lines(evaluation.doubt)
    if evaluation.doubt_wide is not None:
        lines += [f"|yaw| >{WIDE_DEG}: {line}" for line in doubt_lines(evaluation.doubt_wide)]
    if evaluation.failed:
        lines.append("not counted: " + ", ".join(f"{n} x {why}" for why, n in evaluation.failed.items()))
    return "\n".join(lines)


def _interval_lines(evaluation: Evaluation) -> list[str]:
    people = len(np.unique(evaluation.errors.person))
    lines = []
    for name, scores in (("all", evaluation.all), (f"|yaw| >{WIDE_DEG}", evaluation.wide)):
        if scores is None or not scores.interval_95:
            continue
        ends = [
            f"{_INTERVALS[key]} {low:.2f} to {high:.2f}" for key, (low, high) in scores.interval_95.items()
        ]
        lines.append(f"95 % intervals, {name}, {people} people drawn again: {', '.join(ends)}")
    return lines


def plot(evaluation: Evaluation) -> UInt8[np.ndarray, "h w 3"]:
    """Errors by yaw, and the share of faces below every error; of landmarks where poses have no labels."""
    errors = evaluation.errors
    posed = evaluation.all.mae_deg is not None
    values = errors.geodesic_deg if posed else 100 * errors.landmarks_eyes
    unit = "degrees" if posed else "% of the eyes' distance"
    panels = [_bars(evaluation, posed, unit), _shares(values, unit, evaluation.network)]
    if evaluation.confidence is not None:
        panels.append(_surest(values, evaluation.confidence, unit))
    return np.hstack(panels)


def _row(scores: Scores) -> str:
    mae = scores.mae_deg or {}
    within = scores.within_percent or {}
    numbers: list[float | None] = [mae.get(name) for name in ANGLE_NAMES]
    numbers += [scores.mean_mae_deg, scores.geodesic_deg, scores.geodesic_median_deg]
    numbers += [within.get(str(limit)) for limit in WITHIN_DEG]
    numbers += [scores.landmarks_eyes_percent, scores.landmarks_box_percent, scores.inner_box_percent]
    texts = [str(scores.faces), *("-" if number is None else f"{number:.2f}" for number in numbers)]
    return "".join(f"{text:>{width}}" for text, (_, width) in zip(texts, _COLUMNS, strict=True))


def _bars(evaluation: Evaluation, posed: bool, unit: str) -> NDArray[np.uint8]:
    groups = [*evaluation.by_yaw.items(), ("all", evaluation.all)]
    names = (*ANGLE_NAMES, "angle between") if posed else ("68 points",)
    heights = [
        [*(s.mae_deg or dict.fromkeys(ANGLE_NAMES, 0.0)).values(), s.geodesic_deg or 0.0]
        if posed
        else [s.landmarks_eyes_percent or 0.0]
        for _, s in groups
    ]
    panel = _Panel(f"mean error by |yaw|, {unit}", top=1.15 * max(map(max, heights)))
    width = 1 / (len(names) + 1)
    for group, (label, scores) in enumerate(groups):
        for i, height in enumerate(heights[group]):
            left = group + (i + 0.5) * width
            panel.bar(left / len(groups), (left + 0.9 * width) / len(groups), height, _COLOURS_BGR[i])
        panel.label((group + 0.5) / len(groups), f"{label} ({scores.faces})")
    panel.legend(names)
    return panel.picture


def _shares(values: NDArray[np.float64], unit: str, title: str) -> NDArray[np.uint8]:
    values = np.sort(values[np.isfinite(values)])
    end = max(float(np.percentile(values, 99)), 1.0)
    panel = _Panel(f"{title}: % of {len(values)} faces below an error, {unit}", top=100.0)
    panel.curve(values / end, 100 * np.arange(1, len(values) + 1) / len(values))
    for share in (0, 0.25, 0.5, 0.75, 1):
        panel.label(share, f"{share * end:.1f}")
    return panel.picture


def _surest(values: NDArray[np.float64], confidence: NDArray[np.float64], unit: str) -> NDArray[np.uint8]:
    known = np.isfinite(values)
    ordered = values[known][np.argsort(-confidence[known], kind="stable")]
    means = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    panel = _Panel(f"mean error of the surest faces, {unit}", top=1.15 * float(means.max()))
    panel.curve(np.arange(1, len(means) + 1) / len(means), means)
    for share in (0.25, 0.5, 0.75, 1):
        panel.label(share, f"{100 * share:.0f} %")
    return panel.picture


class _Panel:
    """A chart with a scale at its left; x runs from 0 to 1, y from 0 to `top`."""

    def __init__(self, title: str, top: float) -> None:
        self.picture = np.full((_HEIGHT_PX, _PANEL_PX, 3), 255, np.uint8)
        self._top = top
        self._text(title, (_MARGIN_PX, 24))
        for share in (0, 0.25, 0.5, 0.75, 1):
            (left, y), (right, _) = self._place(0, share * top), self._place(1, 0)
            cv2.line(self.picture, (left, y), (right, y), _GRID_BGR, 1)
            self._text(f"{share * top:.3g}", (8, y + 4))

    def bar(self, left: float, right: float, height: float, colour: tuple[int, int, int]) -> None:
        cv2.rectangle(self.picture, self._place(left, 0), self._place(right, height), colour, cv2.FILLED)

    def curve(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        inside = x <= 1
        points = [self._place(0, 0), *map(self._place, x[inside], y[inside])]
        cv2.polylines(self.picture, [np.array(points, np.int32)], False, _COLOURS_BGR[0], 2, cv2.LINE_AA)

    def label(self, x: float, text: str) -> None:
        """Under the chart, centred at x."""
        self._text(text, (self._place(x, 0)[0] - 4 * len(text), _HEIGHT_PX - _MARGIN_PX + 20))

    def legend(self, names: Sequence[str]) -> None:
        for i, name in enumerate(names):
            corner = (_MARGIN_PX + 100 * i, _HEIGHT_PX - 20)
            cv2.rectangle(self.picture, corner, (corner[0] + 9, corner[1] + 9), _COLOURS_BGR[i], cv2.FILLED)
            self._text(name, (corner[0] + 14, corner[1] + 9))

    def _place(self, x: float, y: float) -> tuple[int, int]:
        wide, high = _PANEL_PX - 2 * _MARGIN_PX, _HEIGHT_PX - 2 * _MARGIN_PX
        return round(_MARGIN_PX + x * wide), round(_HEIGHT_PX - _MARGIN_PX - y / self._top * high)

    def _text(self, text: str, at: tuple[int, int]) -> None:
        cv2.putText(self.picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, _INK_BGR, 1, cv2.LINE_AA)
