import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fpn_core import FPN_227, project
from pipeline.cli.render import heads, render
from pipeline.show.posed_photo import InputFileError
from render_core.errors import HeadError
from render_core.heads import load_head
from tests.photos import portrait

# The width of the face in the portrait sets the distance.
POSE = {"rvec_rad": [0.1, 0.2, 0.0], "tvec_mm": [0.0, 0.0, 3000.0]}


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image


@pytest.fixture
def crop(tmp_path: Path) -> Path:
    path = tmp_path / "crop.png"
    cv2.imwrite(str(path), cv2.resize(portrait(), (227, 227)))
    return path


def write_pose(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "pose.json"
    path.write_text(json.dumps(POSE | changes))
    return path


def test_views_masks_and_the_aligned_crop_are_written(tmp_path: Path, crop: Path) -> None:
    out = tmp_path / "out"
    result = run(
        render, crop, "--pose", write_pose(tmp_path), "--views", "0,40,20:-10:5", "--size", 64, "--masks",
        "--aligned", "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "aligned.png",
        "mask_0.png",
        "mask_20_-10_5.png",
        "mask_40.png",
        "view_0.png",
        "view_20_-10_5.png",
        "view_40.png",
    ]
    assert read(out / "view_40.png").shape == (64, 64, 3)
    assert set(np.unique(read(out / "mask_0.png"))) == {0, 128, 255}
    assert read(out / "aligned.png").shape == (112, 112, 3)
    assert "of the face seen" in result.output


def test_a_face_to_the_right_is_mirrored(tmp_path: Path, crop: Path) -> None:
    pose = write_pose(tmp_path, rvec_rad=[0.0, -0.5, 0.0])
    result = run(render, crop, "--pose", pose, "--views", "40", "--size", 32, "--out", tmp_path / "out")
    assert "mirrored" in result.output


def test_transparency_goes_into_the_png(tmp_path: Path, crop: Path) -> None:
    arguments = ("--views", "0", "--size", 32, "--background", "transparent", "--out", tmp_path / "out")
    assert run(render, crop, "--pose", write_pose(tmp_path), *arguments).exit_code == 0
    assert read(tmp_path / "out" / "view_0.png").shape == (32, 32, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no pose"),
        ("[]", "is no pose"),
        ('{"rvec_rad": [0, 0, 0]}', "tvec_mm"),
        ('{"rvec_rad": [0, 0], "tvec_mm": [0, 0, 1]}', "rvec_rad is"),
        ('{"rvec_rad": [0, 0, NaN], "tvec_mm": [0, 0, 1]}', "rvec_rad is"),
        ('{"rvec_rad": "abc", "tvec_mm": [0, 0, 1]}', "is no pose"),
    ],
)
def test_what_is_wrong_with_a_pose_is_said(tmp_path: Path, crop: Path, content: str, message: str) -> None:
    pose = tmp_path / "pose.json"
    pose.write_text(content)
    result = run(render, crop, "--pose", pose, "--views", "0", "--size", 32, "--out", tmp_path / "out")
    assert isinstance(result.exception, InputFileError)
    assert message in str(result.exception) and "rvec_rad" in str(result.exception)


def test_other_wrong_inputs(tmp_path: Path, crop: Path) -> None:
    pose, out = write_pose(tmp_path), tmp_path / "out"
    (tmp_path / "text.jpg").write_text("text")
    small = ("--views", "0", "--size", 32, "--out", out)
    for image in (tmp_path / "text.jpg", tmp_path / "none.jpg"):
        assert isinstance(run(render, image, "--pose", pose, *small).exception, InputFileError)
    points = tmp_path / "points.txt"
    points.write_text("1 2\n3 4\n")
    result = run(render, crop, "--landmarks", points, *small)
    assert "it holds 2 points): expected 68 lines" in str(result.exception)
    result = run(render, crop, "--pose", pose, "--head", "nobody", *small)
    assert isinstance(result.exception, HeadError)
    assert run(render, crop, *small).exit_code == 2
    assert run(render, crop, "--pose", pose, "--views", "left", "--out", out).exit_code == 2
    assert run(render, crop, "--pose", pose, "--views", "1:2:3:4", "--out", out).exit_code == 2


def test_heads_are_shown_and_imported(tmp_path: Path) -> None:
    picture = tmp_path / "heads.png"
    assert run(heads, "show", picture, "--head", "open-mean", "--size", 48).exit_code == 0
    assert read(picture).shape == (48, 240, 3)
    result = run(heads, "import", tmp_path, tmp_path / "out")
    assert isinstance(result.exception, HeadError)


@pytest.fixture(scope="module")
def imported(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("heads")
    result = run(heads, "import", reference.path("reference/models3d_new"), out)
    assert result.exit_code == 0 and "head 03" in result.output
    return out


def test_compat_mode_from_the_command_line(reference: Any, imported: Path, tmp_path: Path) -> None:
    """The original's own picture of its first subject: from the crop, and from the photo with the window."""
    golden = reference.npz("goldens/render_poses_cv410.npz")
    crops = reference.npz("goldens/preprocess.npz")
    crop = tmp_path / "crop.png"
    cv2.imwrite(str(crop), golden["s1_recovered/image"])
    numbers = golden["s1_recovered/pose"].astype(float).tolist()
    pose = {"rvec_rad": numbers[:3], "tvec_mm": numbers[3:]}
    window = {"crop_xyxy_px": crops["subject1_a/window"].tolist()}
    for image, content in (
        (crop, pose),
        (reference.path("reference/photos/input1.jpg"), pose | window),
    ):
        path = tmp_path / "pose.json"
        path.write_text(json.dumps(content))
        result = run(
            render, image, "--pose", path, "--heads", imported, "--head", "01", "--mode", "compat",
            "--views", "0,22,75", "--out", tmp_path / "out",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        for view, what in (("0", "sym"), ("22", "raw"), ("75", "raw")):
            expected = golden[f"s1_recovered/-{int(view):02}_00/01/{what}"]
            difference = read(tmp_path / "out" / f"view_{view}.png").astype(int) - expected
            assert np.abs(difference).max() <= (0 if cv2.__version__.startswith("4.") else 2)


def test_the_landmark_demo_from_the_command_line(reference: Any, imported: Path, tmp_path: Path) -> None:
    golden = reference.npz("goldens/render_landmarks_cv410.npz")
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), golden["models3d_new/image_used"])
    points = tmp_path / "points.pts"
    points.write_text("# x y\n" + "\n".join(f"{x} {y}" for x, y in golden["models3d_new/landmarks_used"]))
    result = run(
        render, photo, "--landmarks", points, "--heads", imported, "--head", "10", "--mode", "compat",
        "--views", "40", "--no-symmetry", "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    expected = golden["models3d_new/-40_00/10/bgy/raw"]
    difference = np.abs(read(tmp_path / "out" / "view_40.png").astype(int) - expected)
    # The pose differs from the original's in the fifth digit, which moves positions by up to 1/32 px.
    assert difference.mean() < 0.3


def test_a_pts_file_counts_pixels_from_1_and_text_from_0(tmp_path: Path, crop: Path) -> None:
    projection = FPN_227.matrix @ np.column_stack([np.eye(3), [0.0, 0.0, 3000.0]])
    points = project(load_head().landmarks_mm, projection[None])[0]
    text, pts = tmp_path / "points.txt", tmp_path / "points.pts"
    text.write_text("\n".join(f"{x!r} {y!r}" for x, y in points.tolist()))
    lines = "\n".join(f"{x!r} {y!r}" for x, y in (points + 1).tolist())
    pts.write_text(f"version: 1\nn_points:  68\n{{\n{lines}\n}}\n")
    pictures = []
    for file in (text, pts):
        out = tmp_path / file.suffix
        result = run(render, crop, "--landmarks", file, "--views", "0", "--size", 64, "--out", out)
        assert result.exit_code == 0, result.output
        pictures.append(read(out / "view_0.png"))
    np.testing.assert_array_equal(pictures[0], pictures[1])
