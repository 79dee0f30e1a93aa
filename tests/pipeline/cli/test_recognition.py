"""`fpn evaluate PAIRS --embedding`: a portrait stands for one person, its negative for another."""

import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from tests.photos import FACE_XYWH_PX, portrait
from tests.pipeline.columns.conftest import save_network


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recognition")
    save_network(folder / "tiny.onnx")
    (folder / "net.yaml").write_text("file: tiny.onnx\nlicence: none\n")
    lines = ["face_id,image,x,y,width,height,subject_id"]
    for who in "ab":
        for number in range(3):
            photo = portrait() if who == "a" else 255 - portrait()
            brighter = cv2.convertScaleAbs(photo, alpha=1 - 0.1 * number)
            cv2.imwrite(str(folder / f"{who}{number}.jpg"), brighter)
            lines.append(f"{who}{number},{who}{number}.jpg,{','.join(map(str, FACE_XYWH_PX))},{who}")
    (folder / "faces.csv").write_text("\n".join(lines) + "\n")
    return folder


def evaluate(folder: Path, pairs: str, *options: str) -> Result:
    return CliRunner().invoke(
        main,
        [
            "evaluate",
            str(folder / pairs),
            "--embedding",
            str(folder / "net.yaml"),
            "--device",
            "cpu",
            *options,
        ],
    )


def test_all_pairs_by_alignment(faces: Path, tmp_path: Path) -> None:
    pictures = ("--plot", str(tmp_path / "roc.png"), "--sheet", str(tmp_path / "worst.png"))
    keep = ("--keep", str(tmp_path / "kept"), "--json")
    first = evaluate(faces, "faces.csv", "--align", "box,pose,pose+views", *pictures, *keep)
    assert first.exit_code == 0, first.output
    found: dict[str, Any] = json.loads(first.stdout)
    assert (found["faces"], found["people"], found["genuine"], found["impostors"]) == (6, 2, 6, 9)
    assert found["refused_far"] == [0.01, 0.001, 0.0001]
    rates = found["percent"]["as they are"]
    assert list(rates) == ["box", "pose", "pose+views"]
    assert all(each["eer"]["value"] == 0 for each in rates.values())
    assert rates["pose"]["eer_difference"]["value"] == 0
    assert all(cv2.imread(str(tmp_path / name)) is not None for name in ("roc.png", "worst.png"))
    # What is kept is what is scored again.
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert len(kept) == 3
    again = evaluate(faces, "faces.csv", "--align", "box,pose,pose+views", *keep)
    assert json.loads(again.stdout) == found
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()} == kept


def test_worse_photos_and_the_table(faces: Path) -> None:
    found = evaluate(faces, "faces.csv", "--align", "box,pose", "--stress")
    assert found.exit_code == 0, found.output
    for words in ("turned 60-180", "20 px", "blurred", "6 pairs of one person, 9 of two", "FAR 0.01, 0.001"):
        assert words in found.stdout


def test_missing_photos_are_counted(faces: Path) -> None:
    text = (faces / "faces.csv").read_text().replace("a2.jpg", "gone.jpg")
    (faces / "missing.csv").write_text(text)
    found = evaluate(faces, "missing.csv", "--align", "box", "--json")
    assert found.exit_code == 0, found.output
    values = json.loads(found.stdout)
    assert (values["unreadable"], values["dropped_pairs"]) == (["a2"], 5)
    assert "left out: 1 faces" in evaluate(faces, "missing.csv", "--align", "box").stdout
    (faces / "empty.csv").write_text(text.replace(".jpg", ".gone"))
    found = evaluate(faces, "empty.csv", "--align", "box")
    assert found.exit_code != 0
    assert "none of 6 faces of empty.csv has a readable photo" in found.stderr


def test_a_detector_has_to_be_named(faces: Path) -> None:
    found = evaluate(faces, "faces.csv", "--align", "detector")
    assert "--align detector needs --detector" in found.stderr
    assert "expected some of none, box" in evaluate(faces, "faces.csv", "--align", "eyes").stderr
    found = CliRunner().invoke(main, ["evaluate", str(faces), "--keep", "x"])
    assert "--keep needs --embedding" in found.stderr


def test_crops_of_a_bin_file(faces: Path) -> None:
    def crop(negative: bool, gain: float) -> bytes:
        x, y, width, height = (int(v) for v in FACE_XYWH_PX)
        part = portrait()[y : y + height, x : x + width]
        part = cv2.resize(255 - part if negative else part, (112, 112))
        return bytes(cv2.imencode(".png", cv2.convertScaleAbs(part, alpha=gain))[1])

    images = [crop(False, 1.0), crop(False, 0.9), crop(False, 0.8), crop(True, 1.0)]
    (faces / "pairs.bin").write_bytes(pickle.dumps((images, [True, False]), protocol=4))
    found = evaluate(faces, "pairs.bin", "--align", "none,box", "--json")
    assert found.exit_code == 0, found.output
    values = json.loads(found.stdout)
    assert (values["genuine"], values["impostors"]) == (1, 1)
    assert np.isclose(values["percent"]["as they are"]["none"]["eer"]["value"], 0)
