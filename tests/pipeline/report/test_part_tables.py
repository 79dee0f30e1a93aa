from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.errors import StorageError
from pipeline.io.storage import Folder
from pipeline.report.part_tables import read_columns, read_rows
from pipeline.report.tally import Place
from tests.pipeline.job_output import JobOutput


def test_columns_come_part_by_part_without_those_that_are_not_there(job_output: JobOutput) -> None:
    tables = read_columns(
        Folder(str(job_output.out)), "poses", [2, 0], ["yaw_deg", "no_such_column", "face_id"]
    )
    for part, (table,) in zip((2, 0), tables, strict=True):
        whole = pq.read_table(job_output.out / "poses" / f"part-{part:06d}.parquet")
        assert len(whole) > 0
        assert (
            table.select(["face_id", "yaw_deg"]).to_pylist()
            == whole.select(["face_id", "yaw_deg"]).to_pylist()
        )
        assert table.num_columns == 2


def test_rows_are_found_by_their_place(job_output: JobOutput) -> None:
    out = Folder(str(job_output.out))
    places = [Place(1, 4), Place(0, 0), Place(1, 1)]
    found = read_rows(out, "rejects", places)
    assert set(found) == set(places)
    for place in places:
        rejects = pq.read_table(job_output.out / "rejects" / f"part-{place.part:06d}.parquet")
        assert found[place] == rejects.to_pylist()[place.index]


@pytest.mark.parametrize("content", [None, b"torn"])
def test_a_file_that_is_missing_or_torn_is_told(own_output: JobOutput, content: bytes | None) -> None:
    path: Path = own_output.out / "poses" / "part-000001.parquet"
    path.unlink()
    if content:
        path.write_bytes(content)
    with pytest.raises(StorageError, match=r"poses/part-000001\.parquet .*Run fpn verify"):
        list(read_columns(Folder(str(own_output.out)), "poses", [0, 1], ["yaw_deg"]))
