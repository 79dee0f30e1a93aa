"""Opening a manifest that is not there."""

from pathlib import Path

import pytest

from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.manifest import open_manifest


@pytest.mark.parametrize(
    ("there", "wanted", "meant"),
    [
        (["faces.csv"], "face.csv", "faces.csv"),
        (["faces.parquet"], "faces.csv", "faces.parquet"),
        (["faces.csv", "faces.parquet"], "facse.parquet", "faces.parquet"),
        (["Faces.csv"], "faces.csv", "Faces.csv"),
        (["faces"], "face", "faces"),
    ],
)
def test_a_file_of_nearly_that_name_is_suggested(
    there: list[str], wanted: str, meant: str, tmp_path: Path
) -> None:
    assert f"did you mean {str(tmp_path / meant)!r}?" in said_without(there, wanted, tmp_path)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (["a.csv"], "b.csv"),
        (["out.parquet"], "faces.parquet"),
        (["val.csv", "notes.txt"], "train.csv"),
        ([], "faces.csv"),
    ],
)
def test_a_file_of_another_name_is_not(there: list[str], wanted: str, tmp_path: Path) -> None:
    said = said_without(there, wanted, tmp_path)
    assert "did you mean" not in said
    assert "expected a Parquet, CSV or list file" in said


def said_without(there: list[str], wanted: str, folder: Path) -> str:
    for name in there:
        (folder / name).write_text("", encoding="utf-8")
    with pytest.raises(ManifestError) as caught:
        open_manifest(str(folder / wanted), ManifestSettings())
    return str(caught.value)
