from pathlib import Path

import pytest

from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.manifest import check_ids, open_manifest


def manifest_of(tmp_path: Path, ids: list[str]):
    path = tmp_path / "faces.csv"
    path.write_text("face_id,image,x,y,width,height\n" + "".join(f"{i},a.jpg,0,0,1,1\n" for i in ids))
    return open_manifest(str(path), ManifestSettings())


def test_ids_of_their_own_pass(tmp_path: Path) -> None:
    check_ids(manifest_of(tmp_path, [str(i) for i in range(1000)]))


def test_repeated_ids_are_named_with_their_rows(tmp_path: Path) -> None:
    with pytest.raises(
        ManifestError, match=r"2 face ids are not unique .*'a' in rows 0, 2; 'b' in rows 1, 4"
    ):
        check_ids(manifest_of(tmp_path, ["a", "b", "a", "c", "b"]))


def test_ids_whose_hashes_meet_are_compared_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.manifest.validate.hash", lambda text: 0, raising=False)
    check_ids(manifest_of(tmp_path, ["a", "b", "c"]))
    with pytest.raises(ManifestError, match="1 face ids are not unique"):
        check_ids(manifest_of(tmp_path, ["a", "b", "b"]))


def test_an_empty_id_is_named_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"row 1 .* has no face id"):
        check_ids(manifest_of(tmp_path, ["a", " ", "c"]))
