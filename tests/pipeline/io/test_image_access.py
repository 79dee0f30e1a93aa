from pathlib import Path

import pytest

from faceposenet import FaceRejectedError
from pipeline.io.image_access import ImagePlaces


def test_without_roots_the_local_disk_and_the_image_roots_bucket() -> None:
    local = ImagePlaces("/data", None)
    assert local.locate("a/b.jpg") == "/data/a/b.jpg"
    assert local.locate("/other/b.jpg") == "/other/b.jpg"
    assert local.locate("file:///other/a%20b.jpg") == "/other/a b.jpg"
    remote = ImagePlaces("s3://bucket/photos?region=eu-central-1", None)
    assert remote.locate("a.jpg") == "s3://bucket/photos/a.jpg?region=eu-central-1"
    assert remote.locate("s3://bucket/elsewhere/b.jpg") == "s3://bucket/elsewhere/b.jpg"


@pytest.mark.parametrize(
    ("root", "image"),
    [
        ("/data", "http://169.254.169.254/latest/meta-data"),
        ("/data", "s3://bucket/a.jpg"),
        ("s3://bucket/photos", "s3://other/a.jpg"),
        ("s3://bucket/photos", "s3://bucket.evil/a.jpg"),
        ("s3://bucket/photos", "gs://bucket/a.jpg"),
        ("s3://bucket/photos", "../../other/a.jpg"),
    ],
)
def test_other_hosts_and_ways_up_are_forbidden(root: str, image: str) -> None:
    with pytest.raises(FaceRejectedError, match="image_not_allowed"):
        ImagePlaces(root, None).locate(image)


def test_roots_bind_local_files_also_through_links(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"")
    (photos / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    places = ImagePlaces(str(photos), (str(photos),))
    assert places.locate("a.jpg") == str(photos / "a.jpg")
    for image in ("../secret.jpg", "link.jpg", "/etc/passwd", f"{tmp_path}/photos-of-others/a.jpg"):
        with pytest.raises(FaceRejectedError, match=r"image_not_allowed: .*lies in none of images\.roots"):
            places.locate(image)


def test_roots_bind_uris() -> None:
    places = ImagePlaces("/data", ("s3://bucket/photos",))
    assert places.locate("s3://bucket/photos/a.jpg") == "s3://bucket/photos/a.jpg"
    for image in ("s3://bucket/photos2/a.jpg", "s3://bucket/photos/../a.jpg", "b.jpg"):
        with pytest.raises(FaceRejectedError, match="image_not_allowed"):
            places.locate(image)


@pytest.mark.parametrize("image", ["", "a\0.jpg", "x" * 5000])
def test_names_that_no_storage_has(image: str) -> None:
    with pytest.raises(FaceRejectedError, match="image_missing"):
        ImagePlaces("/data", None).locate(image)


def test_the_file_behind_a_span_is_what_has_to_lie_in_a_root(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "secret.rec").write_bytes(b"")
    (photos / "link.rec").symlink_to(tmp_path / "secret.rec")
    places = ImagePlaces(str(photos), (str(photos),))
    assert places.locate("train.rec#bytes=1+2") == f"{photos}/train.rec#bytes=1+2"
    with pytest.raises(FaceRejectedError, match="image_not_allowed"):
        places.locate("link.rec#bytes=1+2")
