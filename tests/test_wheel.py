"""The built wheel, as a user gets it: whole, and at work in an environment of its own."""

import email
import json
import os
import re
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.photos import FACE_XYWH_PX, write_portrait

ROOT = Path(__file__).parents[1]
KERNEL = "render_core/kernel/_compiled.abi3.so"
PACKAGES = ("faceposenet", "fpn_core", "render_core", "pipeline")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as a user builds it."""
    return build_wheel(tmp_path_factory, {})


def build_wheel(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """Built from a copy, so that nothing that lies about in the checkout gets in."""
    source = tmp_path_factory.mktemp("source")
    left_out = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    for package in (*PACKAGES, "configs"):
        shutil.copytree(ROOT / package, source / package, ignore=left_out)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("dist")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out)]
    run([sys.executable, "-m", "pip", "wheel", *options, str(source)], out, environment)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment that holds the wheel; it borrows the dependencies."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    programs = home / "bin"
    (own,) = home.glob("lib/python*/site-packages")
    # Of a folder that is added like this no .pth file is read: the checkout's own install is not seen.
    borrowed = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (own / "dependencies.pth").write_text("\n".join(borrowed), encoding="utf-8")
    install = ["--python", str(programs / "python"), "install", "--no-deps", "--no-index", "--quiet"]
    run([sys.executable, "-m", "pip", *install, "--ignore-installed", str(wheel)], home)
    return programs


def run(command: list[str], folder: Path, more: dict[str, str] | None = None) -> str:
    """What a program prints, run in a folder with a home of its own; `more` is its environment besides."""
    names = ("PATH", "LANG", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in names if name in os.environ} | {"HOME": str(folder)}
    environment |= more or {}
    found = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_every_file_of_the_packages_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".c", ".h", ".so", ".pyd")
    }
    assert wanted - names == set()
    beside = {name for name in names - wanted if ".dist-info/" not in name and name != KERNEL}
    assert beside == {f"pipeline/configs/{path.name}" for path in (ROOT / "configs").iterdir()}


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_one_wheel_with_the_kernel_serves_every_python(wheel: Path) -> None:
    assert KERNEL in zipfile.ZipFile(wheel).namelist()
    assert "-cp311-abi3-" in wheel.name


RENDER = """
import hashlib, numpy as np
from render_core import Renderer, kernel
from render_core.heads import load_head
from render_core.view import view_camera
photo = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
views = Renderer(load_head("open-mean"), (0, 55), size_px=64).render(photo, view_camera(30).projection)
print(kernel.best_path(), *(hashlib.sha256(view.image).hexdigest() for view in views))
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_without_a_compiler_it_gives_the_same_bytes(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    bare = build_wheel(tmp_path_factory, {"CC": "no-such-compiler"})
    assert KERNEL not in zipfile.ZipFile(bare).namelist()
    printed = []
    for name, archive in (("bare", bare), ("whole", wheel)):
        zipfile.ZipFile(archive).extractall(tmp_path / name)
        printed.append(run([sys.executable, "-c", RENDER], tmp_path / name).split())
    (numpy, *bare_pictures), (compiled, *pictures) = printed
    assert numpy == "numpy" != compiled
    assert bare_pictures == pictures


def test_it_is_imported_from_where_it_was_installed(installed: Path, tmp_path: Path) -> None:
    code = (
        "import json, sys, faceposenet, fpn_core, render_core.heads, pipeline.config.presets as presets\n"
        "files = [module.__file__ for module in (faceposenet, fpn_core, render_core, presets)]\n"
        "render_core.heads.load_head('open-03')\n"
        "print(json.dumps([files, faceposenet.__version__, presets.preset_names(), 'ray' in sys.modules]))"
    )
    files, version, presets, ray = json.loads(run([str(installed / "python"), "-c", code], tmp_path))
    assert all(Path(file).is_relative_to(installed.parent) for file in files)
    assert run([str(installed / "fpn"), "--version"], tmp_path) == f"fpn, version {version}\n"
    assert "recognition" in presets
    assert not ray


def test_its_network_can_be_inspected(installed: Path, tmp_path: Path) -> None:
    code = "import fpn_core; print(fpn_core.default_model_path())"
    model = run([str(installed / "python"), "-c", code], tmp_path).strip()
    assert "rotation" in run([str(installed / "fpn"), "models", "inspect", model], tmp_path)


def test_it_does_a_job(installed: Path, tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.jpg")
    row = ",".join(str(number) for number in FACE_XYWH_PX)
    text = f"face_id,image,x,y,width,height\none,a.jpg,{row}\ntwo,a.jpg,{row}\n"
    (tmp_path / "faces.csv").write_text(text, encoding="utf-8")
    fpn = str(installed / "fpn")
    printed = run([fpn, "run", "faces.csv", "out", "--config", "recognition"], tmp_path)
    assert "2 faces = 2 posed + 0 rejected" in printed
    assert "2 posed" in run([fpn, "verify", "out"], tmp_path)


def test_its_metadata_name_the_licence_and_its_readme_has_no_relative_link(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (folder,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    metadata = email.message_from_bytes(archive.read(f"{folder}/METADATA"))
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert "the faceposenet authors" in archive.read(f"{folder}/licenses/LICENSE").decode()
    links = re.findall(r"\]\(([^)]+)\)", str(metadata.get_payload()))
    assert len(links) > 10
    assert all(re.match(r"https?://|#", link) for link in links)
