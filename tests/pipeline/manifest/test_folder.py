from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.manifest.folder import files_in


def test_files_of_a_kind_by_name_and_how_many_others_there_are(tmp_path: Path) -> None:
    for name in ("b.tar", "A.TAR", "a.tar", ".hidden.tar", "_index", "notes.txt", "more.txt", "plain"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "sub").mkdir()
    (tmp_path / "_ledger").mkdir()
    found, others = files_in(str(tmp_path), ".tar")
    assert found == [str(tmp_path / name) for name in ("A.TAR", "a.tar", "b.tar")]
    assert others == {".txt": 2, "without an ending": 1, "folder": 1}


def test_a_file_is_itself(tmp_path: Path) -> None:
    (tmp_path / "any.name").write_bytes(b"")
    assert files_in(str(tmp_path / "any.name"), ".tar") == ([str(tmp_path / "any.name")], {})
    with pytest.raises(FileNotFoundError):
        files_in(str(tmp_path / "none.tar"), ".tar")


@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz", "b.TAR.ZST"])
def test_a_packed_shard_is_not_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.tar").write_bytes(b"")
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ManifestError, match="is packed; unpack it"):
        files_in(str(tmp_path), ".tar")
