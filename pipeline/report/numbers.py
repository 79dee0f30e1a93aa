"""The part of the page with charts: what is told of all posed faces, and of the job's speed."""

from pipeline.report.charts import (
    angle_chart,
    confidence_chart,
    done_chart,
    pose_map,
    rate_chart,
    side_chart,
)
from pipeline.report.content import Chart, ViewRow
from pipeline.report.posed import MAP_BIN_DEG, PosedTally
from pipeline.report.throughput import Throughput
from pipeline.report.words import DIRECTIONS, duration, moment, rate, spread

NO_CONFIDENCE = "This network tells no confidence, so that poses cannot be sorted by it."
NO_TIMES = (
    "How fast the job went cannot be told: the ledger's files carry no times, or times from before the job "
    "began, as in a folder that was copied."
)


def make_charts(tally: PosedTally, speed: Throughput | None) -> tuple[Chart, ...]:
    """The charts that there are values for."""
    charts = []
    if tally.faces:
        charts += [
            Chart(
                angle.capitalize(), spread(histogram, "°"), angle_chart(angle, histogram, *DIRECTIONS[angle])
            )
            for angle, histogram in tally.angles_deg.items()
        ]
        words = f"where the faces are; squares of {MAP_BIN_DEG}°, the fuller the stronger"
        charts.append(Chart("Yaw and pitch", words, pose_map(tally.yaw_pitch, MAP_BIN_DEG)))
        charts.append(Chart("Boxes", _sides(tally), side_chart(tally.side_octaves)))
    if tally.confidence.total:
        charts.append(Chart("Confidence", _confidence(tally), confidence_chart(tally.confidence)))
    if speed is not None and len(speed.commit_s) > 1:
        rates = speed.rates()
        svg = done_chart(*speed.done()) if rates is None else rate_chart(*rates)
        charts.append(Chart("Throughput", _speed(speed), svg))
    return tuple(charts)


def make_remarks(tally: PosedTally, speed: Throughput | None) -> tuple[str, ...]:
    """Why a chart is missing."""
    remarks = []
    if tally.faces and not tally.confidence.total:
        remarks.append(NO_CONFIDENCE)
    if speed is None:
        remarks.append(NO_TIMES)
    elif len(speed.commit_s) == 1:
        remarks.append(f"The job is one part, which was done at once: {_speed(speed)}.")
    return tuple(remarks)


def make_view_rows(tally: PosedTally) -> tuple[ViewRow, ...]:
    """The views, in the order of their yaw."""
    return tuple(
        ViewRow(name, view.faces, 100 * view.seen / view.faces, 100 * view.filled / view.faces)
        for name, view in sorted(tally.views.items(), key=lambda item: float(item[0]))
        if view.faces
    )


def _sides(tally: PosedTally) -> str:
    low, median, high = (f"{2 ** tally.side_octaves.quantile(share):,.0f}" for share in (0.05, 0.5, 0.95))
    return f"median {median} px, 90 % of faces from {low} to {high} px"


def _confidence(tally: PosedTally) -> str:
    histogram = tally.confidence
    low, median, high = (f"{histogram.quantile(share):.3g}" for share in (0.05, 0.5, 0.95))
    without = tally.faces - histogram.total
    rest = f"; {without:,} faces without" if without else ""
    return f"median {median}, 90 % of faces from {low} to {high}{rest}"


def _speed(speed: Throughput) -> str:
    return (
        f"{rate(speed.faces_per_s)} faces a second on average over {duration(speed.span_s)} from "
        f"{moment(speed.start_s)} on, with pauses, by the times of the ledger's files"
    )
