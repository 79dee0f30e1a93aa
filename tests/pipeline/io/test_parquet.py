"""Reading Parquet from memory."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipeline
from pipeline.io.parquet import read_parquet

TABLE = pa.table({"face_id": ["a", "b"], "yaw_deg": [1.0, None]}).replace_schema_metadata(
    {"faceposenet": "1"}
)

ROOT = Path(pipeline.__file__).parents[1]


def as_file(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def test_a_table_comes_back_as_it_was_written() -> None:
    found = read_parquet(as_file(TABLE))
    assert found.equals(TABLE, check_metadata=True)


def test_columns_are_picked_by_name() -> None:
    assert read_parquet(as_file(TABLE), ["face_id"]).to_pydict() == {"face_id": ["a", "b"]}


def test_what_is_no_parquet_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        read_parquet(as_file(TABLE)[:-20])


counts_threads = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="counts threads as Linux shows them"
)


def threads_before_and_after(folder: Path, before: str, after: str) -> list[str]:
    lines = [
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r})",
        before,
        "threads = lambda: len(os.listdir('/proc/self/task'))",
        "first = threads()",
        after,
        "print(first, threads())",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return found.stdout.split()


@counts_threads
def test_no_thread_is_left_that_could_outlive_python(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(as_file(TABLE))
    before, after = threads_before_and_after(
        tmp_path,
        "import pathlib\nfrom pipeline.io.parquet import read_parquet\n"
        "data = pathlib.Path('a.parquet').read_bytes()",
        "read_parquet(data)\nread_parquet(data, ['face_id'])",
    )
    assert before == after


@counts_threads
def test_nor_by_a_manifest_on_a_store_that_only_fsspec_knows(tmp_path: Path) -> None:
    columns = {"face_id": ["a"], "image": ["a.jpg"]} | {name: [1.0] for name in ("x", "y", "width", "height")}
    (tmp_path / "a.parquet").write_bytes(as_file(pa.table(columns)))
    before, after = threads_before_and_after(
        tmp_path,
        "import pathlib, fsspec\n"
        "from pipeline.config.settings import ManifestSettings\n"
        "from pipeline.manifest import open_manifest\n"
        "data = pathlib.Path('a.parquet').read_bytes()\n"
        "fsspec.filesystem('memory').pipe('/faces/a.parquet', data)",
        "manifest = open_manifest('memory://faces/a.parquet', ManifestSettings())\n"
        "assert list(manifest.ids()) == [['a']]\n"
        "assert manifest.read(manifest.slices(5)[0]).face_id == ['a']",
    )
    assert before == after


def test_nothing_in_the_package_reads_tables_on_threads_of_arrow() -> None:
    sources = Path(pipeline.__file__).parent.rglob("*.py")
    users = [path.name for path in sources if "pq.read_table(" in path.read_text(encoding="utf-8")]
    assert users == []
