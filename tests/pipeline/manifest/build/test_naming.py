from pathlib import Path

import pytest

from pipeline.manifest.build.naming import file_name, image_name


@pytest.mark.parametrize(
    ("root", "manifest_folder", "name"),
    [
        ("/data/photos", "/data", "photos/a/b.jpg"),
        ("/data/photos", "/data/photos", "a/b.jpg"),
        ("/data/photos", "/data/photo", "/data/photos/a/b.jpg"),
        ("/data/photos", "/", "data/photos/a/b.jpg"),
        ("s3://bucket/photos?region=x", "s3://bucket?region=x", "photos/a/b.jpg"),
        ("s3://bucket/photos?region=x", "/data", "s3://bucket/photos/a/b.jpg?region=x"),
    ],
)
def test_names_are_relative_below_the_manifest_and_full_elsewhere(
    root: str, manifest_folder: str, name: str
) -> None:
    assert image_name(root, "a/b.jpg", manifest_folder) == name


def test_names_of_files(tmp_path: Path) -> None:
    assert file_name(str(tmp_path / "a.tar"), str(tmp_path)) == "a.tar"
    assert file_name("s3://bucket/x/a.tar?k=1", "s3://bucket") == "x/a.tar"
    assert file_name("s3://bucket/x/a.tar?k=1", "s3://other") == "s3://bucket/x/a.tar?k=1"
