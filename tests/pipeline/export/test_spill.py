"""Exports that are larger than memory, in little: everything goes through files."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.export import order, spill
from pipeline.export.export import ExportSettings, export_views
from pipeline.export.index import Wanted, index_views
from pipeline.export.spill import SpillFolder
from pipeline.io.storage import Folder
from tests.pipeline.export.conftest import tree_of


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds of a few numbers."""
    monkeypatch.setattr(spill, "_CHUNK", 3)
    monkeypatch.setattr(spill, "_HELD_BYTES", 20)
    monkeypatch.setattr(order, "_PIECE", 4)


@pytest.mark.parametrize(
    "settings",
    [
        ExportSettings("webdataset", shard_size=7, seed=5),
        ExportSettings("parquet", order="subject", shard_size=4),
        ExportSettings("recordio"),
        ExportSettings("imagefolder"),
    ],
    ids=lambda settings: settings.form,
)
def test_bytes_are_the_same_by_way_of_files(
    job: Folder, tmp_path: Path, settings: ExportSettings, request: pytest.FixtureRequest
) -> None:
    export_views(job.location, str(tmp_path / "memory"), settings)
    request.getfixturevalue("tiny")
    export_views(job.location, str(tmp_path / "files"), settings)
    assert tree_of(tmp_path / "files") == tree_of(tmp_path / "memory")


@pytest.mark.usefixtures("tiny")
def test_indices_lie_in_files_that_go_with_them(job: Folder) -> None:
    index = index_views(job, Wanted())
    assert isinstance(index.span, np.memmap)
    assert isinstance(order.ordered(index, "shuffled", 0), np.memmap)
    folder = Path(str(index.span.filename)).parent
    assert folder.is_dir()
    del index
    assert not folder.exists()


@pytest.mark.parametrize("width", [None, 2])
@pytest.mark.parametrize("batches", [[], [1], [3, 0, 4, 9]])
def test_arrays_grow(tiny: None, width: int | None, batches: list[int]) -> None:
    rng = np.random.default_rng(0)
    made = [rng.integers(0, 99, (n,) if width is None else (n, width)) for n in batches]
    grown = SpillFolder().column("int64", width)
    for rows in made:
        grown.add(rows)
    empty = np.zeros((0,) if width is None else (0, width), np.int64)
    assert np.array_equal(grown.done(), np.concatenate([empty, *made]))
