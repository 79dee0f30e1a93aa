import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import main
from tests.conftest import ReferenceData
from tests.photos import FACE_XYWH_PX, write_portrait

BOX = ",".join(map(str, FACE_XYWH_PX))


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # without a detector that somebody fetched
    return write_portrait(tmp_path / "portrait.jpg")


def show(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["show", *map(str, arguments)])


def test_show_writes_a_picture_where_no_terminal_shows_it(photo: Path) -> None:
    result = show(photo, "--box", BOX, "--views", "0", "--size", 64)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("yaw ")
    assert result.output.endswith("picture: portrait.pose.png\n")
    assert cv2.imread("portrait.pose.png").shape[0] > 400


def test_show_tells_scripts_the_pose_and_where_the_picture_is(photo: Path) -> None:
    result = show(photo, "--box", BOX, "--views", "0", "--size", 64, "--to", "face.webp", "--json")
    told = json.loads(result.output)
    assert told["picture"] == "face.webp" and Path("face.webp").exists()
    assert told["faces"][told["rendered"]]["box_xywh_px"] == list(FACE_XYWH_PX)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say where the face is with --box x,y,width,height"),
        ([], "fpn models fetch yunet --from face_detection_yunet_2023mar.onnx"),
        (["--box", BOX, "--detector", "yunet.onnx"], "give --box or --detector, not both"),
        (["--box", "1,2,3"], "'1,2,3' is not a box"),
        (["--box", "1,2,0,3"], "is not a box"),
        (["--box", "1,2,nan,3"], "is not a box"),
        (["--box", BOX, "--views", "0,0"], "each once"),
        (["--box", BOX, "--views", ""], "is not a list of views"),
        (["--box", BOX, "--to", "face.bmp"], "ends with .png, .jpg or .webp"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_says_what_is_wrong_before_anything_is_done(
    photo: Path, arguments: list[str], said: str
) -> None:
    result = show(photo, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_without_a_box_a_fetched_detector_finds_the_face(photo: Path, reference: ReferenceData) -> None:
    model = reference.path("detector/face_detection_yunet_2023mar.onnx")
    fetched = CliRunner().invoke(main, ["models", "fetch", "yunet", "--from", str(model)])
    assert fetched.exit_code == 0 and "licence: MIT" in fetched.output
    result = show(photo, "--views", "0", "--size", 64)
    assert result.exit_code == 0, result.output
    assert "confidence" in result.output and "hint:" not in result.output


def test_a_box_without_a_face_is_asked_about(photo: Path) -> None:
    result = show(photo, "--box", "30,440,20,20", "--views", "0", "--size", 64)
    assert result.exit_code == 0
    assert "hint: low confidence" in result.output and "is the box right?" in result.output


def test_a_detector_that_is_none_is_told(photo: Path) -> None:
    result = show(photo, "--detector", "none.onnx")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "there is no face detector 'none.onnx'" in result.output


def test_only_the_report_and_the_show_wait_for_the_plotting_library() -> None:
    code = (
        "import sys, pipeline.cli.pictures, pipeline.cli.report, pipeline.report.contact_sheet\n"
        "import pipeline.job.run, pipeline.stages.part\n"
        "print([name for name in ('matplotlib', 'jinja2') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
