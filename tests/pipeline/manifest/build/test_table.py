import gzip
import math
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, ManifestError
from pipeline.manifest.build.photos import BuildReason, Refused, SourceImage
from pipeline.manifest.build.table import TableSource


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "faces.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def test_columns_are_mapped_renamed_and_taken_along(tmp_path: Path) -> None:
    text = 'key,path,left,top,w,h,who\nk1,a.jpg,1,2,3,4.5,"anna, or\nbob"\n\nk2,/x/b.jpg,5,6,seven,8,\n'
    names = {"face_id": "key", "image": "path", "x": "left", "y": "top", "width": "w", "height": "h"}
    source = TableSource(write(tmp_path, text), str(tmp_path), {**names, "subject_id": "who"})
    assert source.columns == ("subject_id",)
    first, second = source.photos()
    assert first == SourceImage("k1", "a.jpg", ("anna, or\nbob",), (1, 2, 3, 4.5))
    assert isinstance(second, SourceImage)
    assert second.image == "/x/b.jpg"
    assert second.box_xywh_px is not None
    assert math.isnan(second.box_xywh_px[2])


@pytest.mark.parametrize(
    ("header", "row", "boxes"),
    [
        ("image;x;y;width;height", "a.jpg;10;20;30;40", "xywh"),
        ("image\tx1\ty1\tx2\ty2", "a.jpg\t10\t20\t40\t60", "xyxy"),
        ("image|cx|cy|width|height", "a.jpg|25|40|30|40", "cxcywh"),
        ("FILE,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT", "a.jpg,10,20,30,40", "xywh"),
    ],
)
def test_forms_of_boxes_and_delimiters(tmp_path: Path, header: str, row: str, boxes: str) -> None:
    source = TableSource(write(tmp_path, f"\ufeff{header}\r\n{row}\r\n"), str(tmp_path), boxes=boxes)
    assert list(source.photos()) == [SourceImage("000000000", "a.jpg", (), (10, 20, 30, 40))]


def test_rows_without_boxes_are_photos(tmp_path: Path) -> None:
    source = TableSource(write(tmp_path, "image,subject_id\na.jpg,7\n"), str(tmp_path), image_root="/photos")
    assert list(source.photos()) == [SourceImage("000000000", "/photos/a.jpg", ("7",))]


def test_rows_that_are_none_are_rejects(tmp_path: Path) -> None:
    text = "face_id,image,x,y,width,height\n1,a.jpg,1,2,3\n2,,1,2,3,4\n ,a.jpg,1,2,3,4\n"
    items = list(TableSource(write(tmp_path, text), str(tmp_path)).photos())
    assert items == [
        Refused("row 0", BuildReason.ROW_MALFORMED, "the row has 5 fields, the header 6"),
        Refused("row 1", BuildReason.ROW_MALFORMED, "the row names no image"),
        Refused("row 2", BuildReason.ROW_MALFORMED, "the row names no face id"),
    ]


def test_other_encodings(tmp_path: Path) -> None:
    path = write(tmp_path, "image\nä.jpg\n", "latin-1")
    (photo,) = TableSource(path, str(tmp_path), encoding="latin-1").photos()
    assert photo.image == "ä.jpg"
    with pytest.raises(ManifestError, match=r"text that is no utf-8 \(b'\\xe4'\); name its encoding"):
        TableSource(path, str(tmp_path))
    with pytest.raises(ConfigError, match="unknown encoding: utf-9"):
        TableSource(path, str(tmp_path), encoding="utf-9")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n", "the first line is empty"),
        ("file,x\n", "no column 'image'; there are: file, x"),
        ("image,x,y\n", "some columns of a box, but not width, height"),
        ("image,image\n", "image are there twice"),
        ("image,yaw_deg\n", "yaw_deg has a name that manifests or results use"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        TableSource(write(tmp_path, text), str(tmp_path))


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no column file; there are: image"):
        TableSource(write(tmp_path, "image\n"), str(tmp_path), {"image": "file"})
    with pytest.raises(ManifestError, match="there is no file"):
        TableSource(str(tmp_path / "none.csv"), str(tmp_path))


def test_width_and_height_of_the_photo_are_not_taken_for_those_of_the_box(tmp_path: Path) -> None:
    path = write(tmp_path, "image,width,height,x1,y1,x2,y2\na.jpg,640,480,1,2,3,5\n")
    with pytest.raises(ManifestError, match="height, width has a name that manifests or results use"):
        TableSource(path, str(tmp_path), boxes="xyxy")
    (photo,) = TableSource(path, str(tmp_path), boxes="xyxy", carry=()).photos()
    assert isinstance(photo, SourceImage)
    assert photo.box_xywh_px == (1, 2, 2, 3)


def test_width_and_height_alone_are_those_of_the_photo(tmp_path: Path) -> None:
    """As img2dataset writes them."""
    source = TableSource(write(tmp_path, "image,width,height,text\na.jpg,640,480,hi\n"), str(tmp_path))
    assert list(source.photos()) == [SourceImage("000000000", "a.jpg", ("hi",))]
    assert source.columns == ("text",)
    assert source.note() == "width and height are the picture's, with no place of a face: left out"
    named = write(tmp_path, "image,w,h\na.jpg,640,480\n")
    with pytest.raises(ManifestError, match="some columns of a box, but not x, y, height"):
        TableSource(named, str(tmp_path), {"width": "w"})


def test_a_box_that_is_no_number_is_shown_as_it_is_written(tmp_path: Path) -> None:
    path = write(tmp_path, "image;x;y;width;height\na.jpg;1_76;1,5;2;3\n")
    (photo,) = TableSource(path, str(tmp_path)).photos()
    assert isinstance(photo, SourceImage)
    assert photo.box_text == "'1_76', '1,5', '2', '3'"


@pytest.mark.parametrize("packed", [False, True])
def test_lines_end_in_any_way_and_fields_are_long(tmp_path: Path, packed: bool) -> None:
    long = "x" * 200_000
    data = f"image,x,y,width,height\ra.jpg,1,2,3,4\r{long},1,2,3,4\r".encode()
    path = tmp_path / "faces.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    photos = list(TableSource(str(path), str(tmp_path)).photos())
    assert [photo.image for photo in photos] == ["a.jpg", long]
    assert photos[0] == SourceImage("000000000", "a.jpg", (), (1, 2, 3, 4))
