"""The tutorial runs, and after it what README and Python page show, in the folder that it leaves."""

import contextlib
import io
import json
import runpy
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from docs.cells import outputs_of, read_cells
from faceposenet import Face, Picture, Rejected
from pipeline.cli.main import main
from tests.docs.test_commands import fences
from tests.photos import FACE_XYWH_PX, write_portrait

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where it runs: a folder and a home of its own."""
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.setenv("HOME", str(folder))
        patch.setenv("PYTHONPATH", str(ROOT))
        yield folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()):
        return runpy.run_path(str(ROOT / "docs" / "tutorial.py"))


def test_it_shows_what_it_tells(found: dict[str, Any]) -> None:
    assert isinstance(found["face"], Face)
    for name in ("drawn", "turned", "crops", "shapes"):
        assert isinstance(found[name], Picture)
        assert (ROOT / "docs" / "pictures" / f"tutorial-{name}.jpg").is_file()
    assert [view.yaw_deg for view in found["views"]] == [0, 30, 60, -60]
    straight, mirrored, rejected = found["faces"]
    assert isinstance(rejected, Rejected)
    assert straight.roll_deg * mirrored.roll_deg < 0


def test_the_notebook_is_the_script_with_what_its_cells_print() -> None:
    cells = read_cells((ROOT / "docs" / "tutorial.py").read_text(encoding="utf-8"))
    notebook = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
    assert ["".join(cell["source"]) for cell in notebook["cells"]] == [cell.body for cell in cells]
    kinds = {True: "markdown", False: "code"}
    assert [cell["cell_type"] for cell in notebook["cells"]] == [kinds[cell.is_text] for cell in cells]
    printed = "".join(outputs_of(json.dumps(notebook)))
    assert "the nose is at" in printed and "box_outside_image" in printed


def test_the_tip_of_the_nose_is_where_it_says(found: dict[str, Any]) -> None:
    x, y = found["x"] / found["w"], found["y"] / found["w"]
    assert np.linalg.norm(found["face"].landmarks_xy_px[30] - [x, y]) < 5


def test_the_job_has_the_same_pose(found: dict[str, Any]) -> None:
    # The batch of the job holds this face alone, like that of `pose`; Parquet keeps single precision.
    np.testing.assert_allclose(found["again"].projection, found["face"].projection, rtol=1e-6)
    assert [view.yaw_deg for view in found["more"]] == [10, 20]


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_what_the_page_shows_runs(page: str, found: dict[str, Any], folder: Path) -> None:
    """Block after block, in the folder with the tutorial's job in `out`."""
    for name in ("photo.jpg", "a.jpg", "b.jpg"):
        write_portrait(folder / name)
    (folder / "photos").mkdir(exist_ok=True)
    shutil.copy(folder / "astronaut.png", folder / "photos")
    names: dict[str, Any] = {"boxes_xywh_px": [FACE_XYWH_PX] * 3}
    blocks = list(fences(ROOT / page, {"python"}))
    assert blocks
    with contextlib.redirect_stdout(io.StringIO()):
        for block in blocks:
            exec(compile(block, page, "exec"), names)


def test_the_commands_for_own_photos_run_as_they_stand(found: dict[str, Any], folder: Path) -> None:
    """Those of README.md, on the tutorial's `faces.csv`; its job is done, so that `fpn run` only says so."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    after = readme.partition("## Your own photos")[2]
    block = next(body for body in fences(ROOT / "README.md", {"sh"}) if body in after)
    commands = [shlex.split(line, comments=True) for line in block.splitlines() if line.startswith("fpn ")]
    assert len(commands) > 3
    for _, *arguments in commands:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, (arguments, result.output)
    assert (folder / "out" / "report.html").is_file()
