import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.settings import JobConfig, load_config
from pipeline.io.storage import Folder
from pipeline.job.plan import Plan, Segment
from pipeline.report.manifest_rows import ManifestRows, NoRowError


@pytest.fixture
def rows(tmp_path: Path) -> ManifestRows:
    """A manifest of ten faces in parts of four, of which faces 1 and 9 were tried again in part 3."""
    ids = [f"f{i}" for i in range(10)]
    sides = {name: pa.array([float(i) for i in range(10)]) for name in ("x", "y", "width", "height")}
    encoded = [f"photo {i}".encode() for i in range(10)]
    pq.write_table(pa.table({"face_id": ids, "image_bytes": encoded, **sides}), tmp_path / "faces.parquet")
    plan = {"round": 1, "reasons": [], "first_part": 3, "parts": [[[1, 1, ""], [9, 1, ""]]]}
    out = Folder(str(tmp_path / "out"))
    out.write("_ledger/round-0001.json", json.dumps(plan).encode())
    config = load_config(overrides=["output.faces_per_part=4"])
    return rows_of(out, config, str(tmp_path / "faces.parquet"))


def rows_of(out: Folder, config: JobConfig, location: str, count: int = 10) -> ManifestRows:
    state = Path(location).stat()
    bound = {"rows": count, "sha256": "of the job"}
    files = [[state.st_size, state.st_mtime_ns]]
    plan = Plan((Segment(0, count, 0, 4, ""),))
    job = {"inputs": {"manifest": bound}, "manifest_files": files, "plan": plan}
    return ManifestRows(out, config, location, job)


@pytest.mark.parametrize(("part", "face"), [(0, 0), (1, 7), (2, 9), (3, 1), (3, 9)])
def test_rows_are_found_by_number_and_by_part(rows: ManifestRows, part: int, face: int) -> None:
    for row in (rows.row(face, f"f{face}"), rows.face(part, f"f{face}")):
        assert row.box_xywh_px.tolist() == [face] * 4
        assert row.image_bytes == f"photo {face}".encode()


def test_a_row_that_is_another_faces_by_now_is_told(rows: ManifestRows) -> None:
    for find in (lambda: rows.row(3, "f4"), lambda: rows.face(0, "f4"), lambda: rows.row(99, "f4")):
        with pytest.raises(NoRowError, match=r"has changed since|no such part"):
            find()


def test_a_manifest_that_is_gone_or_longer_is_told(rows: ManifestRows) -> None:
    longer = rows_of(rows.out, rows.config, rows.location, 9)
    with pytest.raises(NoRowError, match="10 rows now, the job had 9"):
        longer.row(0, "f0")
    assert "10 rows now" in longer.change()
    gone = replace(rows, location=str(Path(rows.location).with_name("gone.parquet")))
    with pytest.raises(NoRowError, match="there is no manifest"):
        gone.row(0, "f0")
    assert gone.change() == ""


def test_a_manifest_of_as_many_rows_that_is_another_one_is_told(rows: ManifestRows) -> None:
    table = pq.read_table(rows.location)
    pq.write_table(table.take(list(range(9, -1, -1))), rows.location)
    with pytest.raises(NoRowError, match="has changed since the job"):
        rows.row(0, "f0")
    assert "has changed since the job" in rows.change()
