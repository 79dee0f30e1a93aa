import os
import sys
from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.io.storage import Folder
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.build.tree import TreeSource


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_every_image_in_the_order_of_the_names(tmp_path: Path) -> None:
    names = ["Z.webp", "a/b/c.jpeg", "a/z.PNG", "a b,\n'\".jpg", "b.jpg", "ä.jpg"]
    for name in [*reversed(names), "a/notes.txt", "a/._z.PNG", "README"]:
        touch(tmp_path / "photos" / name)
    source = TreeSource(str(tmp_path / "photos"), str(tmp_path))
    photos = list(source.photos())
    assert [photo.name for photo in photos] == names
    assert [photo.image for photo in photos] == [f"photos/{photo.name}" for photo in photos]
    assert list(source.photos()) == photos
    assert source.note() == "passed over, as no images: 1 x without an ending, 1 x .PNG, 1 x .txt"


def test_the_first_folder_is_the_subject(tmp_path: Path) -> None:
    for name in ["anna/1.jpg", "anna/x/2.jpg", "3.jpg"]:
        touch(tmp_path / name)
    source = TreeSource(str(tmp_path), str(tmp_path / "elsewhere"), subjects=True)
    assert source.columns == ("subject_id",)
    assert list(source.photos()) == [
        SourceImage("3.jpg", f"{tmp_path}/3.jpg", (None,)),
        SourceImage("anna/1.jpg", f"{tmp_path}/anna/1.jpg", ("anna",)),
        SourceImage("anna/x/2.jpg", f"{tmp_path}/anna/x/2.jpg", ("anna",)),
    ]


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    touch(root / "in/a.jpg")
    touch(tmp_path / "out/secret.jpg")
    for name, target in {
        "file_in.jpg": "in/a.jpg",
        "file_out.jpg": "../out/secret.jpg",
        "folder_in": "in",
        "folder_out": "../out",
        "in/loop": "..",
        "nothing.jpg": "nowhere",
    }.items():
        (root / name).symlink_to(target)
    return root


def test_links_do_not_lead_out_of_the_folder(linked: Path) -> None:
    items = list(TreeSource(str(linked), str(linked)).photos())
    assert [item.name for item in items if isinstance(item, SourceImage)] == ["file_in.jpg", "in/a.jpg"]
    refused = {item.image: item for item in items if isinstance(item, Refused)}
    assert set(refused) == {"file_out.jpg", "folder_out", "nothing.jpg"}
    assert {item.reason for item in refused.values()} == {BuildReason.LINK_NOT_FOLLOWED}


def test_links_are_followed_when_asked_but_not_in_circles(linked: Path) -> None:
    items = list(TreeSource(str(linked), str(linked), follow_links=True).photos())
    assert [item.name for item in items if isinstance(item, SourceImage)] == [
        "file_in.jpg",
        "file_out.jpg",
        "folder_in/a.jpg",
        "folder_out/secret.jpg",
        "in/a.jpg",
    ]
    circles = [item.image for item in items if isinstance(item, Refused)]
    assert circles == ["folder_in/loop", "in/loop", "nothing.jpg"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_names_that_no_manifest_holds_are_rejects(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"")
    touch(tmp_path / "folder#bytes=1+2" / "a.jpg")
    items = list(TreeSource(str(tmp_path), str(tmp_path)).photos())
    assert [item.name for item in items if isinstance(item, SourceImage)] == ["folder#bytes=1+2/a.jpg"]
    (refused,) = (item for item in items if isinstance(item, Refused))
    assert (refused.image, refused.reason) == (r"\xff.jpg", BuildReason.NAME_UNUSABLE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list any folder")
def test_a_folder_that_cannot_be_listed_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (refused,) = TreeSource(str(tmp_path), str(tmp_path)).photos()
    assert isinstance(refused, Refused)
    assert (refused.image, refused.reason) == ("closed/", BuildReason.IMAGE_UNREADABLE)


def test_folders_deep_in_folders(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep = deep / "d"
    touch(deep / "a.jpg")
    (photo,) = TreeSource(str(tmp_path), str(tmp_path)).photos()
    assert isinstance(photo, SourceImage)
    assert photo.name == f"{'d/' * 300}a.jpg"


def test_an_object_store() -> None:
    folder = Folder("memory://tree")
    for name in ["photos/b.jpg", "photos/a/c.jpg", "photos/a/what?.jpg"]:
        folder.write(name, b"")
    items = list(TreeSource("memory://tree/photos", "memory://tree", subjects=True).photos())
    assert items[0] == SourceImage("a/c.jpg", "photos/a/c.jpg", ("a",))
    assert items[1] == SourceImage("a/what?.jpg", "photos/a/what?.jpg", ("a",))
    assert items[2] == SourceImage("b.jpg", "photos/b.jpg", (None,))


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="there is no folder"):
        TreeSource(str(tmp_path / "none"), str(tmp_path))
