from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.io.storage import Folder
from pipeline.report.part_tables import read_rows
from pipeline.report.posed import tally_posed
from pipeline.report.tally import Place

PARTS, FACES = 5, 40
RNG = np.random.default_rng(0)


def write_poses(folder: Path, confidence: bool) -> pd.DataFrame:
    """Poses of several parts as a job writes them, and all of them together."""
    (folder / "poses").mkdir()
    frames = []
    for part in range(PARTS):
        table = pa.table(
            {
                "face_id": [f"{part}-{i}" for i in range(FACES)],
                "box_xywh_px": pa.array(
                    [[1.0, 2.0, *sides] for sides in RNG.uniform(5, 500, (FACES, 2))],
                    pa.list_(pa.float32(), 4),
                ),
                "yaw_deg": pa.array(RNG.uniform(-90, 90, FACES), pa.float32()),
                "pitch_deg": pa.array(RNG.uniform(-60, 60, FACES), pa.float32()),
                "roll_deg": pa.array(RNG.uniform(-180, 180, FACES), pa.float32()),
                "views": [["0", "40"] if i % 2 else ["40"] for i in range(FACES)],
                "views_seen_fraction": [[0.5, 0.25] if i % 2 else [0.75] for i in range(FACES)],
                "views_filled_fraction": [[0.1, 0.0] if i % 2 else [0.2] for i in range(FACES)],
                "confidence": pa.array(
                    [float(x) if confidence and x > 0.1 else None for x in RNG.random(FACES)], pa.float32()
                ),
            }
        )
        pq.write_table(table, folder / "poses" / f"part-{part:06d}.parquet")
        frames.append(table.to_pandas())
    return pd.concat(frames, ignore_index=True)


def test_numbers_are_those_of_all_faces_together(tmp_path: Path) -> None:
    poses = write_poses(tmp_path, confidence=True)
    tally, _ = tally_posed(Folder(str(tmp_path)), list(range(PARTS)), 5, 3, 0)
    assert tally.faces == len(poses)
    for angle, histogram in tally.angles_deg.items():
        assert (histogram.least, histogram.greatest) == (
            poses[f"{angle}_deg"].min(),
            poses[f"{angle}_deg"].max(),
        )
        assert histogram.total == len(poses)
    longer = np.stack(poses.box_xywh_px.to_list())[:, 2:].max(axis=1)
    assert 2 ** tally.side_octaves.quantile(0.5) == pytest.approx(np.median(longer), rel=0.02)
    assert tally.confidence.total == poses.confidence.notna().sum() < len(poses)
    assert tally.yaw_pitch.sum() == len(poses)
    rows, columns = np.nonzero(tally.yaw_pitch)
    assert rows.min() * 5 - 180 <= poses.yaw_deg.min() < rows.min() * 5 - 175
    assert columns.max() * 5 - 180 <= poses.pitch_deg.max() < columns.max() * 5 - 175
    half = len(poses) // 2
    assert {name: (v.faces, v.seen, v.filled) for name, v in tally.views.items()} == {
        "0": (half, half * 0.5, pytest.approx(half * 0.1)),
        "40": (2 * half, half * (0.25 + 0.75), pytest.approx(half * 0.2)),
    }


def test_the_extremes_are_the_most_extreme(tmp_path: Path) -> None:
    poses = write_poses(tmp_path, confidence=True)
    out = Folder(str(tmp_path))
    _, choice = tally_posed(out, list(range(PARTS)), 5, 3, 0)

    def values(places: list[Place], name: str) -> list[float]:
        records = read_rows(out, "poses", places)
        return [records[place][name] for place in places]

    for angle in ("yaw_deg", "pitch_deg"):
        expected = poses.loc[poses[angle].abs().nlargest(3).index, angle].tolist()
        assert values(getattr(choice, f"largest_{angle[:-4]}").places, angle) == expected
    assert values(choice.lowest_confidence.places, "confidence") == poses.confidence.nsmallest(3).tolist()


def test_random_faces_are_the_same_for_a_seed_and_others_for_another(tmp_path: Path) -> None:
    write_poses(tmp_path, confidence=False)
    out = Folder(str(tmp_path))

    def chosen(seed: int, parts: int = PARTS) -> list[Place]:
        return tally_posed(out, list(range(parts)), 20, 3, seed)[1].random.places

    assert chosen(0) == chosen(0)
    assert chosen(0) != chosen(1)
    assert len({place.part for place in chosen(0)}) == PARTS
    assert len(set(chosen(0))) == 20


def test_a_network_without_confidence_has_no_least_sure_faces(tmp_path: Path) -> None:
    write_poses(tmp_path, confidence=False)
    tally, choice = tally_posed(Folder(str(tmp_path)), list(range(PARTS)), 5, 3, 0)
    assert tally.confidence.total == 0
    assert choice.lowest_confidence.places == []
