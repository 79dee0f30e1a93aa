"""One export of several outputs."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.errors import ConfigError
from pipeline.export.export import ExportSettings, export_views
from pipeline.job.exports import EXPORTS
from tests.pipeline.export.conftest import CARRIED, MakeJob, faces_of_subjects


@pytest.fixture
def outs(make_job: MakeJob, tmp_path: Path) -> list[str]:
    """Nine faces, and nine others of the same subjects."""
    others = [replace(face, face_id=f"other {face.face_id}") for face in faces_of_subjects()]
    make_job(str(tmp_path / "a"))
    make_job(str(tmp_path / "b"), others, faces_per_part=5)
    return [str(tmp_path / "a"), str(tmp_path / "b")]


@pytest.mark.parametrize("form", ["parquet", "webdataset", "imagefolder", "recordio"])
def test_all_faces_of_both_are_there(outs: list[str], tmp_path: Path, form: str) -> None:
    alone = [asdict(export_views(out, f"{out}-alone", ExportSettings(form))) for out in outs]
    joined = asdict(export_views(outs, str(tmp_path / "joined"), ExportSettings(form)))
    for name in ("posed", "faces", "views", "without_views", "without_subject", "unfinished"):
        assert joined[name] == alone[0][name] + alone[1][name]
    assert joined["subjects"] == alone[0]["subjects"] == alone[1]["subjects"]
    assert all((Path(out) / EXPORTS).is_dir() for out in outs)


def test_rows_are_those_of_the_single_exports(outs: list[str], tmp_path: Path) -> None:
    for out in outs:
        export_views(out, f"{out}-alone", ExportSettings("parquet"))
    export_views(outs, str(tmp_path / "joined"), ExportSettings("parquet"))
    folders = (f"{outs[0]}-alone", f"{outs[1]}-alone", tmp_path / "joined")
    tables = [pq.read_table(folder) for folder in folders]
    a, b, joined = ([_shown(row) for row in table.to_pylist()] for table in tables)
    assert a + b == joined


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the name of its picture, which counts all pictures of an export."""
    return {**row, "image": row["image"]["bytes"]}


def test_an_id_in_two_outputs_is_an_error_or_the_first_one_counts(
    make_job: MakeJob, outs: list[str], tmp_path: Path
) -> None:
    again = [replace(face, face_id="new") if n == 0 else face for n, face in enumerate(faces_of_subjects())]
    make_job(str(tmp_path / "c"), again)
    together = [*outs, str(tmp_path / "c")]
    with pytest.raises(ConfigError, match="stands in an earlier output too; --repeated first"):
        export_views(together, str(tmp_path / "error"), ExportSettings("parquet"))
    assert not (tmp_path / "error").exists()
    found = export_views(together, str(tmp_path / "first"), ExportSettings("parquet"), repeated="first")
    assert (found.posed, found.repeated, found.faces) == (27, 8, 19)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"carried": pa.schema([*CARRIED, ("more", pa.string())])}, "carried.more"),
        ({"size_px": 112}, "render.size_px"),
    ],
)
def test_outputs_that_mean_other_things_are_refused(
    make_job: MakeJob, outs: list[str], tmp_path: Path, change: dict[str, object], said: str
) -> None:
    make_job(str(tmp_path / "c"), **change)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"cannot be joined with .*{said}"):
        export_views([*outs, str(tmp_path / "c")], str(tmp_path / "dest"), ExportSettings("parquet"))
    assert not (tmp_path / "dest").exists()


def test_the_command_takes_several(outs: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["export", *outs, str(tmp_path / "dest"), "--as", "parquet"])
    assert done.exit_code == 0, done.output
    assert "18 posed faces" in done.output
