import json
from pathlib import Path

import pytest

from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.recognition.pairs import Pairs
from pipeline.evaluate.recognition.readers import read_pairs


def ends(pairs: Pairs) -> list[tuple[str, str, bool]]:
    return [
        (pairs.faces[i].name, pairs.faces[j].name, bool(same))
        for i, j, same in zip(pairs.first, pairs.second, pairs.same, strict=True)
    ]


def test_pairs_of_lfw(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("2\t1\nAnn\t1\t2\nAnn\t1\tBob\t3\nBob\t3\t4\nCy\t1\tAnn\t2\n")
    pairs = read_pairs(tmp_path / "pairs.txt")
    assert ends(pairs)[:2] == [
        ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", True),
        ("Ann/Ann_0001.jpg", "Bob/Bob_0003.jpg", False),
    ]
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    assert pairs.faces[0].image == tmp_path / "Ann/Ann_0001.jpg"
    assert len(set(pairs.person.tolist())) == 3


def test_the_protocol_of_cfp(tmp_path: Path) -> None:
    protocol = tmp_path / "Protocol"
    split = protocol / "Split" / "FP" / "01"
    split.mkdir(parents=True)
    for side, view in (("F", "frontal"), ("P", "profile")):
        lines = [f"{i} ../Data/Images/{i:03d}/{view}/01.jpg" for i in (1, 2)]
        (protocol / f"Pair_list_{side}.txt").write_text("\n".join(lines))
    (split / "same.txt").write_text("1,1\n2,2\n")
    (split / "diff.txt").write_text("1,2\n")
    pairs = read_pairs(tmp_path)
    assert ends(pairs) == [
        ("001/frontal/01.jpg", "001/profile/01.jpg", True),
        ("002/frontal/01.jpg", "002/profile/01.jpg", True),
        ("001/frontal/01.jpg", "002/profile/01.jpg", False),
    ]
    assert pairs.faces[0].image == tmp_path / "Data/Images/001/frontal/01.jpg"


def test_a_table_of_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("image_a,image_b,same,fold\na1.jpg,a2.jpg,1,0\na1.jpg,b1.jpg,False,1\n")
    pairs = read_pairs(path)
    assert ends(pairs) == [("a1.jpg", "a2.jpg", True), ("a1.jpg", "b1.jpg", False)]
    assert len(set(pairs.person.tolist())) == 2
    path.write_text("image_a,image_b,same\na1.jpg,a2.jpg,1\na1.jpg,b1.jpg,0\n")
    assert read_pairs(path).fold is None


def test_a_manifest_gives_all_pairs(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    path.write_text(
        "face_id,image,x,y,width,height,who\n1,a.jpg,1,2,3,4,a\n2,b.jpg,1,2,3,4,a\n3,c.jpg,,,,,b\n"
    )
    pairs = read_pairs(path, subject="who")
    assert ends(pairs) == [("1", "2", True), ("1", "3", False), ("2", "3", False)]
    assert pairs.faces[0].box_xywh_px is not None
    assert pairs.faces[0].box_xywh_px.tolist() == [1, 2, 3, 4]
    assert pairs.faces[2].box_xywh_px is None


def test_faces_of_a_folder_across_views(tmp_path: Path) -> None:
    faces = [
        {"file": f"{who}{view}.jpg", "box": [0, 0, 9, 9], "subject_id": who, "view": view}
        for who in "ab"
        for view in ("front", "side")
    ]
    (tmp_path / "labels.json").write_text(json.dumps(faces))
    assert len(read_pairs(tmp_path).same) == 6
    assert len(read_pairs(tmp_path, across="view").same) == 4


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pairs.csv", "image_a,image_b,same\na,b,perhaps\n", "pair 1: same is 'perhaps'; expected 1 or 0"),
        ("pairs.csv", "image_a,image_b,same,fold\na,b,1,x\n", "pair 1: fold is 'x'"),
        ("faces.csv", "image,who\na,b\n", "no column subject_id; it has image, who"),
        ("pairs.txt", "2 1\nAnn 1 2\n", "has 1 pairs, its first line says 4"),
        ("pairs.txt", "x\n", "not as LFW's pairs.txt"),
        ("pairs.dat", "", "no pairs of a known kind"),
        ("labels.json", "{}", "no pair of one person|not as expected|one person"),
    ],
)
def test_files_that_are_no_pairs(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_pairs(tmp_path / name)
