import os
import time
from pathlib import Path

import pytest

from pipeline.io.stale_files import remove_leftovers
from pipeline.io.storage import Folder


def write(path: Path, age_s: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def a_killed_writers_file(out: Folder, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary file of a writer that was killed between writing and moving."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *paths: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(Path, "unlink", lambda *paths, **options: None)
        with pytest.raises(KeyboardInterrupt):
            out.write(name, b"half")
    (left,) = [file for file in Path(out.location, name).parent.iterdir() if file.name.startswith(".")]
    return left


@pytest.mark.parametrize(
    "name",
    [
        "poses/part-000012.parquet",
        "views/part-1234567.tar",
        "_ledger/part-000000.json",
        "_ledger/round-0001.json",
        "masks/-22.png",
        "_job.json",
        "_heartbeat.json",
        "summary.json",
    ],
)
def test_what_killed_writers_left_is_removed_once_it_is_a_day_old(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Folder(str(tmp_path))
    left = a_killed_writers_file(out, name, monkeypatch)
    assert remove_leftovers(out) == 0
    write(left, 25 * 3600)
    assert remove_leftovers(out) == 1
    assert not left.exists()


def test_nothing_else_is_touched_however_old(tmp_path: Path) -> None:
    kept = [
        write(tmp_path / name, 1e8)
        for name in (
            "poses/part-000000.parquet",
            ".gitignore",
            "poses/.DS_Store",
            "views/.part-000000.tar",
            "x/.a.json.abcdefgh",
        )
    ]
    assert remove_leftovers(Folder(str(tmp_path))) == 0
    assert all(file.exists() for file in kept)


def test_a_folder_that_is_not_there_or_in_a_store_has_none(tmp_path: Path) -> None:
    assert remove_leftovers(Folder(str(tmp_path / "none"))) == 0
    assert remove_leftovers(Folder("memory://bucket/out")) == 0
