import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faceposenet.photo.locations import is_uri
from pipeline.errors import StorageError
from pipeline.io.storage import (
    Folder,
    base_name,
    join,
    parent,
    read_file,
    resolve,
    split_options,
    without_credentials,
)


def test_relative_paths_join_absolute_ones_and_uris_stay() -> None:
    assert join("/data", "a/b.jpg") == "/data/a/b.jpg"
    assert join("s3://bucket/data/", "a.jpg") == "s3://bucket/data/a.jpg"
    assert join("/data", "/other/b.jpg") == "/other/b.jpg"
    assert join("/data", "s3://bucket/b.jpg") == "s3://bucket/b.jpg"


def test_parent_of_files_and_objects(tmp_path: Path) -> None:
    assert parent("s3://bucket/a/b.csv") == "s3://bucket/a"
    assert parent(str(tmp_path / "b.csv")) == str(tmp_path)


def test_files_are_written_whole_with_the_users_permissions(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    folder.write("poses/part.parquet", b"first")
    folder.write("poses/part.parquet", b"second")
    assert folder.read("poses/part.parquet") == b"second"
    assert folder.names("poses") == ["part.parquet"]  # no temporary file is left
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "out/poses/part.parquet").stat().st_mode & 0o777 == 0o666 & ~umask


def test_what_is_not_there_is_none_or_empty(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert folder.read("nothing") is None
    assert folder.names("nothing") == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot write 'a' into"):
        Folder(str(tmp_path / "file")).write("a", b"")


def test_reading_stops_after_the_limit(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 100)
    assert read_file(str(tmp_path / "large"), max_bytes=10) == b"x" * 11


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_file(str(tmp_path / "pipe"))


def test_an_unknown_scheme_is_refused_without_its_secrets() -> None:
    with pytest.raises(StorageError, match="cannot open") as raised:
        resolve("nosuch://user:secret@host/file?token=hidden")
    assert "secret" not in str(raised.value).partition(":")[0]
    assert "hidden" not in str(raised.value)


def test_any_file_system_of_fsspec_works() -> None:
    folder = Folder("memory://out")
    folder.write("a/b", b"data")
    assert folder.read("a/b") == b"data"
    assert read_file("memory://out/a/b") == b"data"
    assert folder.names("a") == ["b"]


def test_uris_are_shown_without_credentials() -> None:
    assert without_credentials("s3://key:secret@bucket/a?x=y") == "s3://bucket/a"
    assert without_credentials("/plain/path?x") == "/plain/path?x"


def test_files_tell_when_they_were_written_and_give_pieces(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("a/b.bin", b"0123456789")
    os.utime(tmp_path / "a" / "b.bin", (0, 1_700_000_000.5))
    assert folder.modified_s("a") == {"b.bin": 1_700_000_000.5}
    assert folder.modified_s("none") == {}
    with folder.open("a/b.bin") as file:
        file.seek(4)
        assert bytes(file.read(2)) == b"45"
    with pytest.raises(FileNotFoundError):
        folder.open("a/none.bin")


@pytest.mark.parametrize("folder", ["local", "memory://spans"])
def test_a_part_of_a_file_is_read(folder: str, tmp_path: Path) -> None:
    out = Folder(str(tmp_path) if folder == "local" else folder)
    out.write("a.rec", b"0123456789")
    location = join(out.location, "a.rec")
    assert read_file(f"{location}#bytes=2+3") == b"234"
    assert read_file(f"{location}#bytes=8+2,0+1") == b"890"
    assert read_file(f"{location}#bytes=1+9", max_bytes=3) == b"1234"
    with pytest.raises(OSError, match="ends before byte 11"):
        read_file(f"{location}#bytes=9+2")


@pytest.mark.parametrize("place", ["local", "memory"])
def test_a_file_is_created_once(tmp_path: Path, place: str) -> None:
    folder = Folder(str(tmp_path) if place == "local" else f"memory://{tmp_path.name}")
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda n: folder.create("a/plan.json", b"%d" % n), range(8)))
    # On a store without a way to write only what is not there, all may withdraw.
    assert sum(created) == 1 if place == "local" else sum(created) <= 1
    folder.create("a/plan.json", b"8")
    kept = folder.read("a/plan.json")
    assert kept == (b"%d" % created.index(True) if any(created) else b"8")
    assert not folder.create("a/plan.json", b"9")
    assert folder.names("a") == ["plan.json"]


def test_a_file_is_created_once_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(self: Path, target: Path) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    folder = Folder(str(tmp_path))
    assert [folder.create("a.json", data) for data in (b"1", b"2")] == [True, False]
    assert (folder.read("a.json"), folder.names()) == (b"1", ["a.json"])


def test_the_folder_of_a_link_is_the_one_that_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/faces.csv").write_text("")
    (tmp_path / "b/faces.csv").symlink_to("../a/faces.csv")
    assert parent(str(tmp_path / "b/faces.csv")) == str(tmp_path / "b")


@pytest.mark.parametrize("uri", ["file:{}", "file://{}", "file://localhost{}", "FILE:{}"])
def test_a_file_uri_is_a_path(tmp_path: Path, uri: str) -> None:
    (tmp_path / "a b.txt").write_bytes(b"x")
    location = uri.format(f"{tmp_path}/a%20b.txt")
    assert not is_uri(location)
    assert read_file(location) == b"x"
    assert join("/elsewhere", location) == str(tmp_path / "a b.txt")
    assert Folder(uri.format(tmp_path)).names() == ["a b.txt"]
    assert parent(location) == str(tmp_path)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("s3://bucket/a?region=x&scheme=http", ("s3://bucket/a", "?region=x&scheme=http")),
        ("s3://bucket/a?b.jpg", ("s3://bucket/a?b.jpg", "")),
        ("s3://bucket/a?b.jpg?region=x", ("s3://bucket/a?b.jpg", "?region=x")),
        ("https://host/a?sig=x", ("https://host/a?sig=x", "")),
        ("memory://a?b=c", ("memory://a?b=c", "")),
        ("/data/a?region=x", ("/data/a?region=x", "")),
    ],
)
def test_options_of_a_store_are_told_from_names(location: str, expected: tuple[str, str]) -> None:
    assert split_options(location) == expected


def test_what_goes_with_a_folder_goes_with_its_files() -> None:
    assert join("s3://b/p?region=x", "a?b.jpg") == "s3://b/p/a?b.jpg?region=x"
    assert join("https://h/p?sig=x", "a.jpg") == "https://h/p/a.jpg?sig=x"
    assert join("https://h/p?sig=x", "a.jpg?v=1") == "https://h/p/a.jpg?v=1&sig=x"
    assert parent("s3://b/p/a?b.csv?region=x") == "s3://b/p?region=x"
    assert base_name("https://h/p/a.tar?sig=x/y") == "a.tar"
    assert base_name("s3://b/p/a?b.tar?region=x") == "a?b.tar"


def test_a_key_with_a_question_mark_is_an_object() -> None:
    folder = Folder("memory://questions")
    folder.write("why?.txt", b"so")
    assert read_file(join("memory://questions", "why?.txt")) == b"so"
    assert read_file("memory://questions/why?.txt#bytes=1+1") == b"o"
