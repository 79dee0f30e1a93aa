import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.settings import ManifestSettings
from pipeline.errors import ManifestError
from pipeline.manifest import open_manifest

HEADER = "ID,FILE,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"


def write(tmp_path: Path, text: str | bytes, name: str = "faces.csv") -> str:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_the_originals_csv(tmp_path: Path) -> None:
    manifest = open_manifest(
        write(tmp_path, f"{HEADER}\na,p/1.jpg,1,2.5,3,4\nb,p/2.jpg,5,6,7,8\n"), ManifestSettings()
    )
    rows = manifest.read(manifest.slices(10)[0])
    assert (manifest.kind, manifest.n_rows) == ("csv", 2)
    assert rows.face_id == ["a", "b"]
    assert rows.image == ["p/1.jpg", "p/2.jpg"]
    np.testing.assert_array_equal(rows.box_xywh_px, [[1, 2.5, 3, 4], [5, 6, 7, 8]])


def test_the_originals_header_less_list_gets_row_numbers_as_ids(tmp_path: Path) -> None:
    manifest = open_manifest(
        write(tmp_path, "./a.jpg,1,2,3,4\n./b.jpg,5,6,7,8", "list.txt"), ManifestSettings()
    )
    assert manifest.kind == "list"
    assert [manifest.read(part).face_id for part in manifest.slices(1)] == [["000000000"], ["000000001"]]


def test_slices_cover_every_row_once_whatever_their_size(tmp_path: Path) -> None:
    # A byte order mark, CRLF, blank lines, quotes with commas, no newline at the end: all from real files.
    lines = [f'{i},"a,{i}.jpg",{i},0,1,1' for i in range(23)]
    text = "\ufeff" + HEADER + "\r\n" + "\r\n\r\n".join(lines)
    manifest = open_manifest(write(tmp_path, text), ManifestSettings())
    for count in (1, 2, 7, 23, 100):
        read = [manifest.read(part) for part in manifest.slices(count)]
        assert [face for rows in read for face in rows.face_id] == [str(i) for i in range(23)]
        assert [image for rows in read for image in rows.image] == [f"a,{i}.jpg" for i in range(23)]
        assert [row for rows in read for row in rows.row] == list(range(23))


def test_further_columns_are_carried_as_text(tmp_path: Path) -> None:
    text = "face_id,image,x,y,width,height,subject_id,age\na,1.jpg,0,0,1,1,007,31\n"
    manifest = open_manifest(write(tmp_path, text), ManifestSettings())
    carried = manifest.read(manifest.slices(1)[0]).carried
    assert carried.to_pylist() == [{"subject_id": "007", "age": "31"}]
    only = open_manifest(manifest.location, ManifestSettings(carry=["age"]))
    assert only.carried_schema.names == ["age"]


def test_a_column_map_covers_other_names(tmp_path: Path) -> None:
    location = write(tmp_path, "key,path,left,top,w,h\na,1.jpg,0,0,1,1\n")
    names = {"face_id": "key", "image": "path", "x": "left", "y": "top", "width": "w", "height": "h"}
    manifest = open_manifest(location, ManifestSettings(columns=names))
    assert manifest.read(manifest.slices(1)[0]).image == ["1.jpg"]
    with pytest.raises(ManifestError, match="configured as 'wide'"):
        open_manifest(location, ManifestSettings(columns=names | {"width": "wide"}))
    with pytest.raises(ManifestError, match="maps faceid, which no manifest has"):
        open_manifest(location, ManifestSettings(columns=names | {"faceid": "key"}))


def test_errors_stay_readable_whatever_columns_are_called(tmp_path: Path) -> None:
    names = ["x" * 10_000, *(f"column_{i}" for i in range(50))]
    with pytest.raises(ManifestError) as raised:
        open_manifest(write(tmp_path, ",".join(names) + "\n"), ManifestSettings())
    assert len(str(raised.value)) < 1000
    assert "and 31 more" in str(raised.value)


def test_what_is_no_number_is_a_row_without_a_box(tmp_path: Path) -> None:
    manifest = open_manifest(write(tmp_path, f"{HEADER}\na,1.jpg,left,,nan,inf\n"), ManifestSettings())
    box = manifest.read(manifest.slices(1)[0]).box_xywh_px[0]
    assert np.isnan(box[:3]).all()
    assert np.isinf(box[3])


def test_rows_of_another_width_are_told_apart(tmp_path: Path) -> None:
    text = f"{HEADER}\na,1.jpg,0,0,1\nb,1.jpg,0,0,1,1\nc,1,5.jpg,0,0,1,1\n"
    manifest = open_manifest(write(tmp_path, text), ManifestSettings())
    rows = manifest.read(manifest.slices(10)[0])
    assert rows.face_id == ["a", "b", "c"]
    assert rows.malformed == {
        0: "the row has 5 fields, the header 6",
        2: "the row has 7 fields, the header 6",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ID,FILE,FACE_X,FACE_Y,FACE_WIDTH\na,1.jpg,0,0,1\n", "missing column height"),
        ("a,b\n1,2\n", "missing column face_id"),
        ("face_id,x,y,width,height\na,0,0,1,1\n", r"missing column image \(or image_bytes\)"),
        (f"{HEADER}\n", "has no rows"),
        ("", "first line is empty"),
        (f"{HEADER},ID\na,1.jpg,0,0,1,1,b\n", "ID are there twice"),
        (f"{HEADER},yaw_deg\na,1.jpg,0,0,1,1,5\n", "yaw_deg has the name of a column of the results"),
    ],
)
def test_a_manifest_that_breaks_the_contract_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        open_manifest(write(tmp_path, text), ManifestSettings())


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b'a,"two\nlines.jpg",0,0,1,1', "quote that does not close on its line"),
        (b"a,\xe9.jpg,0,0,1,1", "no UTF-8"),
    ],
)
def test_rows_that_cannot_be_told_apart_are_refused(tmp_path: Path, row: bytes, said: str) -> None:
    manifest = open_manifest(write(tmp_path, HEADER.encode() + b"\n" + row + b"\n"), ManifestSettings())
    with pytest.raises(ManifestError, match=said):
        manifest.read(manifest.slices(10)[0])


def test_a_manifest_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="there is no manifest"):
        open_manifest(str(tmp_path / "none.csv"), ManifestSettings())


def test_the_originals_own_files(reference) -> None:
    manifest = open_manifest(str(reference.path("reference/input.csv")), ManifestSettings())
    assert (manifest.kind, manifest.n_rows) == ("csv", 10)
    listed = open_manifest(str(reference.path("reference/input_list.txt")), ManifestSettings())
    assert (listed.kind, listed.n_rows) == ("list", 3)


def test_ids_keep_their_blanks(tmp_path: Path) -> None:
    ids = [" a", "a ", "a", "\x1c", "\u2028a", "\xa0"]
    text = HEADER + "\n" + "".join(f"{face_id},1.jpg,0,0,1,1\n" for face_id in ids)
    manifest = open_manifest(write(tmp_path, text), ManifestSettings())
    assert manifest.read(manifest.slices(10)[0]).face_id == ids


def test_a_line_of_one_odd_blank_is_a_row_like_any_other(tmp_path: Path) -> None:
    manifest = open_manifest(write(tmp_path, f"{HEADER}\n\xa0\na,1.jpg,0,0,1,1\n \t\n"), ManifestSettings())
    rows = [manifest.read(part) for part in manifest.slices(1)]
    assert manifest.n_rows == len(rows) == 2
    assert [(len(piece), bool(piece.malformed)) for piece in rows] == [(1, True), (1, False)]


def test_a_box_that_is_no_number_is_shown_as_it_is_written(tmp_path: Path) -> None:
    text = f'{HEADER}\na,1.jpg,1_76,"1,5",2,3\nb,1.jpg, 1.5e1 ,+2,.5,3.\n'
    manifest = open_manifest(write(tmp_path, text), ManifestSettings())
    rows = manifest.read(manifest.slices(9)[0])
    assert rows.box_fault(0).startswith("box '1_76', '1,5', '2', '3': expected finite")
    assert rows.box_xywh_px[1].tolist() == [15, 2, 0.5, 3]
    assert rows.pick([1, 0]).box_text == {1: "'1_76', '1,5', '2', '3'"}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_way_and_gzip_may_have_packed_them(
    tmp_path: Path, line_end: str, packed: bool
) -> None:
    long = "x" * 200_000
    lines = [HEADER, *(f"f{i},{i}.jpg,{i},0,1,1" for i in range(6)), f"{long},6.jpg,6,0,1,1"]
    data = line_end.join([*lines, ""]).encode()
    path = tmp_path / "faces.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    manifest = open_manifest(str(path), ManifestSettings())
    parts = manifest.slices(2)
    read = [manifest.read(part) for part in (*parts, *parts[:1])]  # and backwards
    assert [face for rows in read for face in rows.face_id] == [
        *(f"f{i}" for i in range(6)),
        long,
        "f0",
        "f1",
    ]
    assert [x for rows in read for x in rows.box_xywh_px[:, 0]] == [0, 1, 2, 3, 4, 5, 6, 0, 1]


def test_a_list_may_begin_with_a_byte_order_mark_and_be_packed(tmp_path: Path) -> None:
    path = tmp_path / "list.txt.gz"
    path.write_bytes(gzip.compress("\ufeffa.jpg,0,0,1,1\nb.jpg,0,0,1,1\n".encode()))
    manifest = open_manifest(str(path), ManifestSettings())
    assert manifest.read(manifest.slices(9)[0]).image == ["a.jpg", "b.jpg"]


def test_damaged_and_otherwise_packed_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv.gz"
    packed = gzip.compress(HEADER.encode() + b"\na,1.jpg,0,0,1,1\n" * 1000)
    path.write_bytes(packed[:-20])
    with pytest.raises(ManifestError, match="is damaged: gzip says"):
        open_manifest(str(path), ManifestSettings())
    path.write_bytes(b"BZh9" + packed)
    with pytest.raises(ManifestError, match="packed by bzip2; unpack it"):
        open_manifest(str(path), ManifestSettings())


def test_a_manifest_that_changes_under_the_job_stops_it(tmp_path: Path) -> None:
    location = write(tmp_path, f"{HEADER}\na,1.jpg,0,0,1,1\nb,1.jpg,0,0,1,1\n")
    manifest = open_manifest(location, ManifestSettings())
    first, second = manifest.slices(1)
    assert manifest.read(first).face_id == ["a"]
    write(tmp_path, f"{HEADER}\nc,1.jpg,0,0,1,1\nd,1.jpg,0,0,1,1\n")
    with pytest.raises(ManifestError, match=r"has changed since the job opened it \(it was written again\)"):
        manifest.read(second)
