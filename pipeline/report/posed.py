"""The posed faces of a job: statistics of all of them, and the rows of the few that are shown."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.io.storage import Folder
from pipeline.report.part_tables import read_columns
from pipeline.report.tally import Histogram, Smallest

ANGLES = ("yaw", "pitch", "roll")
_COLUMNS = (
    *(f"{angle}_deg" for angle in ANGLES),
    "box_xywh_px",
    "confidence",
    "views",
    "views_seen_fraction",
    "views_filled_fraction",
)
MAP_BIN_DEG = 5
_MAP_BINS = 360 // MAP_BIN_DEG


@dataclass
class ViewTally:
    """One view over all faces that have it."""

    faces: int = 0
    seen: float = 0.0
    """Sum of the shares of its face pixels that the photos showed."""
    filled: float = 0.0


@dataclass
class PosedTally:
    """What is told of all posed faces."""

    faces: int = 0
    angles_deg: dict[str, Histogram] = field(
        default_factory=lambda: {angle: Histogram(0.125) for angle in ANGLES}
    )
    side_octaves: Histogram = field(default_factory=lambda: Histogram(1 / 64))
    """log2 of the longer sides of the boxes in pixels."""
    confidence: Histogram = field(default_factory=lambda: Histogram(1 / 2048))
    yaw_pitch: np.ndarray = field(default_factory=lambda: np.zeros((_MAP_BINS, _MAP_BINS), np.int64))
    """int64 (72, 72): faces by yaw (rows) and pitch (columns), in bins of 5 degrees from -180 on."""
    views: dict[str, ViewTally] = field(default_factory=dict)


@dataclass
class PosedChoice:
    """The faces that are shown."""

    random: Smallest
    largest_yaw: Smallest
    largest_pitch: Smallest
    lowest_confidence: Smallest


def tally_posed(
    out: Folder, parts: list[int], shown: int, extremes: int, seed: int
) -> tuple[PosedTally, PosedChoice]:
    """Read the columns of numbers of all poses, and choose the faces to show.

    `shown`: number of random faces, the same ones for the same `seed`; `extremes`: number for each extreme.

    Raises:
        StorageError: a file of poses that is missing or torn.
    """
    tally = PosedTally()
    choice = PosedChoice(Smallest(shown), Smallest(extremes), Smallest(extremes), Smallest(extremes))
    for part, batches in zip(parts, read_columns(out, "poses", parts, _COLUMNS), strict=True):
        rng = np.random.default_rng([seed, part])
        start = 0
        for batch in batches:
            _add(tally, batch)
            _choose(choice, batch, part, start, rng)
            start += len(batch)
    return tally, choice


def _add(tally: PosedTally, batch: pa.Table) -> None:
    tally.faces += len(batch)
    for angle, histogram in tally.angles_deg.items():
        histogram.add(_numbers(batch, f"{angle}_deg"))
    box = pc.list_flatten(batch["box_xywh_px"]).to_numpy().reshape(-1, 4)
    tally.side_octaves.add(np.log2(np.maximum(box[:, 2:].max(axis=1, initial=0), 1e-3)))
    if "confidence" in batch.column_names:
        tally.confidence.add(_numbers(batch.filter(pc.is_valid(batch["confidence"])), "confidence"))
    yaw, pitch = (_map_bin(_numbers(batch, f"{angle}_deg")) for angle in ("yaw", "pitch"))
    np.add.at(tally.yaw_pitch, (yaw, pitch), 1)
    _add_views(tally.views, batch)


def _add_views(views: dict[str, ViewTally], batch: pa.Table) -> None:
    if not {"views", "views_seen_fraction", "views_filled_fraction"} <= set(batch.column_names):
        return
    table = pa.table(
        {
            "view": pc.list_flatten(batch["views"]),
            "seen": pc.list_flatten(batch["views_seen_fraction"]),
            "filled": pc.list_flatten(batch["views_filled_fraction"]),
        }
    )
    sums = table.group_by("view").aggregate([("seen", "count"), ("seen", "sum"), ("filled", "sum")])
    for row in sums.to_pylist():
        view = views.setdefault(row["view"], ViewTally())
        view.faces += row["seen_count"]
        view.seen += row["seen_sum"] or 0.0
        view.filled += row["filled_sum"] or 0.0


def _choose(choice: PosedChoice, batch: pa.Table, part: int, start: int, rng: np.random.Generator) -> None:
    indices = np.arange(start, start + len(batch))
    choice.random.add(rng.random(len(batch)), part, indices)
    choice.largest_yaw.add(-np.abs(_numbers(batch, "yaw_deg")), part, indices)
    choice.largest_pitch.add(-np.abs(_numbers(batch, "pitch_deg")), part, indices)
    if "confidence" in batch.column_names:
        choice.lowest_confidence.add(_numbers(batch, "confidence"), part, indices)


def _numbers(batch: pa.Table, name: str) -> np.ndarray:
    """A column as float64 (n,), NaN for null."""
    return np.asarray(batch[name].cast(pa.float64()).to_numpy(), np.float64)


def _map_bin(angle_deg: np.ndarray) -> np.ndarray:
    whole = np.floor((np.nan_to_num(angle_deg) + 180) / MAP_BIN_DEG)
    return np.asarray(np.clip(whole, 0, _MAP_BINS - 1), np.int64)
