from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.io.recordio import MAGIC, RecordWriter
from pipeline.io.storage import read_file
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.build.records import RecordSource

Record = tuple[int, float | list[float], bytes]
# As InsightFace lays its sets out: record 0 says that images are 1 to 3, and 4 to 5 describe identities.
RECORDS: list[Record] = [
    (0, [4, 6], b""),
    (1, 0, b"first"),
    (2, 0, b"ab12" + MAGIC + b"rest"),
    (3, 1, b"third"),
    (4, [1, 3], b""),
    (5, [3, 4], b""),
]


def write(path: Path, records: list[Record] = RECORDS) -> Path:
    with path.open("wb") as rec, path.with_suffix(".idx").open("wb") as idx:
        writer = RecordWriter(rec, idx)
        for record in records:
            writer.write(*record)
    return path


@pytest.mark.parametrize("with_index", [True, False])
def test_images_with_their_labels_and_where_they_lie(tmp_path: Path, with_index: bool) -> None:
    path = write(tmp_path / "train.rec")
    if not with_index:
        path.with_suffix(".idx").unlink()
    source = RecordSource(str(path), str(tmp_path))
    photos = [item for item in source.photos() if isinstance(item, SourceImage)]
    assert [(photo.name, photo.values) for photo in photos] == [
        ("train/000000001", ("0",)),
        ("train/000000002", ("0",)),
        ("train/000000003", ("1",)),
    ]
    assert [read_file(str(tmp_path / photo.image)) for photo in photos] == [
        image for _, label, image in RECORDS if image
    ]
    assert source.note() == "3 records describe the set and are no images"


def test_labels_that_are_lists_or_no_whole_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [(1, [12, 0.5], b"x"), (2, 0.25, b"y"), (3, float("nan"), b"z")])
    photos = list(RecordSource(str(path), str(tmp_path)).photos())
    assert [photo.values for photo in photos if isinstance(photo, SourceImage)] == [
        ("12",),
        ("0.25",),
        (None,),
    ]


def test_records_without_an_image_or_damaged_are_rejects(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [(7, 0, b"first"), (8, 1, b""), (9, 2, b"cut off")])
    data = path.read_bytes()
    path.write_bytes(data.replace(MAGIC, b"\0\0\0\0", 1))
    damaged, empty, whole = RecordSource(str(path), str(tmp_path)).photos()
    assert isinstance(damaged, Refused)
    assert isinstance(empty, Refused)
    assert (damaged.image, damaged.reason) == ("a/000000007", BuildReason.RECORD_DAMAGED)
    assert (empty.image, empty.reason) == ("a/000000008", BuildReason.IMAGE_UNREADABLE)
    assert isinstance(whole, SourceImage)
    path.with_suffix(".idx").unlink()
    with pytest.raises(ManifestError, match=r"no record begins at byte 0.*Without an \.idx"):
        list(RecordSource(str(path), str(tmp_path)).photos())


def test_an_index_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec")
    path.with_suffix(".idx").write_text("0\tzero\n")
    with pytest.raises(ManifestError, match=r"a\.idx is no index"):
        RecordSource(str(path), str(tmp_path))


def test_a_file_that_was_cut_off_is_told_for_every_record(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [(n, 0, b"image %d" % n * 20) for n in range(5)])
    path.write_bytes(path.read_bytes()[:-250])
    items = list(RecordSource(str(path), str(tmp_path)).photos())
    assert [type(item) for item in items] == [SourceImage, SourceImage, SourceImage, Refused, Refused]
    assert {item.reason for item in items if isinstance(item, Refused)} == {BuildReason.RECORD_DAMAGED}
    path.with_suffix(".idx").unlink()
    with pytest.raises(ManifestError, match="is cut off"):
        list(RecordSource(str(path), str(tmp_path)).photos())


def test_a_record_of_a_wrong_length_is_a_reject_and_one_that_the_index_lacks_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [(n, 0, b"image %d" % n) for n in range(4)])
    data = bytearray(path.read_bytes())
    data[4] -= 4
    path.write_bytes(data)
    index = path.with_suffix(".idx")
    index.write_text("".join(index.read_text().splitlines(keepends=True)[:2]))
    source = RecordSource(str(path), str(tmp_path))
    damaged, whole = source.photos()
    assert isinstance(damaged, Refused)
    assert "where no other one begins" in damaged.detail
    assert isinstance(whole, SourceImage)
    assert source.note() == (
        "the .idx leaves out 80 bytes of the .rec: is it whole?; "
        "40 bytes of the .rec, of damaged records, could not be read"
    )
