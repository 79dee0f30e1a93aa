"""Reading photos within limits: what goes wrong has a reason."""

import os
from pathlib import Path

import fsspec
import pytest

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.byte_ranges import with_spans
from faceposenet.photo.local_file import read_local
from faceposenet.photo.read import read_encoded, read_location
from faceposenet.photo.sizes import PhotoLimits

LIMITS = PhotoLimits(max_bytes=10)


def reason_of(name: str, folder: str = "") -> str:
    with pytest.raises(FaceRejectedError) as rejected:
        read_encoded(name, LIMITS, folder=folder)
    return str(rejected.value)


def test_files_uris_and_spans_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a b.bin"
    file.write_bytes(b"0123456789")
    assert read_encoded(str(file), LIMITS) == b"0123456789"
    assert read_encoded(f"file://{tmp_path}/a%20b.bin", LIMITS) == b"0123456789"
    assert read_encoded(with_spans(str(file), [(2, 3), (8, 1)]), LIMITS) == b"2348"
    with fsspec.open("memory://read/a.bin", "wb") as stream:
        stream.write(b"0123456789")
    assert read_encoded("memory://read/a.bin", LIMITS) == b"0123456789"
    assert read_encoded(with_spans("memory://read/a.bin", [(8, 2)]), LIMITS) == b"89"


def test_no_more_than_needed_is_read_of_a_large_file(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(100))
    assert len(read_location(str(file), 10)) == 11
    assert reason_of(str(file)).startswith("image_too_large: the file has more than")
    assert reason_of(with_spans(str(file), [(0, 6), (50, 6)])).startswith("image_too_large")


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "short").write_bytes(b"123")
    os.mkfifo(tmp_path / "pipe")
    missing = reason_of(str(tmp_path / "none"), folder="s3://key:secret@bucket/photos")
    assert missing.startswith("image_missing: there is no image")
    assert missing.endswith("in 's3://bucket/photos'")
    assert reason_of(str(tmp_path / "short" / "below")).startswith("image_missing")
    assert reason_of(str(tmp_path / "empty")).startswith("image_unreadable: the image file is empty")
    assert "is not a regular file" in reason_of(str(tmp_path / "pipe"))
    assert "ends before byte 5" in reason_of(with_spans(str(tmp_path / "short"), [(1, 4)]))
    assert reason_of("nosuch://user:secret@host/a.jpg").startswith("image_not_allowed")
    for name in ("", "a\0b", "x" * 5000):
        assert reason_of(name).startswith("image_missing: no usable name")


def test_an_error_of_the_reader_itself_is_passed_on() -> None:
    def read(name: str, most: int) -> bytes:
        raise LookupError(f"{name}, {most}")

    with pytest.raises(LookupError, match="a, 10"):
        read_encoded("a", LIMITS, read)


def test_a_whole_local_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_local(tmp_path / "a") == b"12345"
    assert read_local(tmp_path / "a", 2) == b"12"
