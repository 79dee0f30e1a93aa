"""The layers: packages import downwards only, and nothing but training knows torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {
    "fpn_core": set[str](),
    "render_core": set[str](),
    "faceposenet": {"fpn_core", "render_core"},
    "pipeline": {"faceposenet", "fpn_core", "render_core"},
}
"""Package -> the other packages of the project that it may import, at any place in its code."""
NOT_LOADED = {
    "faceposenet": {"ray", "torch", "pipeline", "pyarrow", "fsspec", "pydantic"},
    "fpn_core": {"ray", "torch", "render_core", "faceposenet", "pipeline"},
    "render_core": {"ray", "torch", "onnxruntime", "fpn_core", "faceposenet", "pipeline"},
    "pipeline": {"torch"},
    "pipeline.cli.main": {"torch", "numpy", "cv2"},
}
"""Package -> what must not be loaded once all of its modules are imported."""


def imported_packages(source: Path) -> set[str]:
    """The top-level packages that a file imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", LAYERS)
def test_no_module_imports_a_higher_package_not_even_inside_a_function(package: str) -> None:
    others = (LAYERS.keys() | {"training", "benchmarks", "docs", "tests"}) - {package} - LAYERS[package]
    sources = sorted((ROOT / package).rglob("*.py"))
    assert sources
    wrong = {str(source.relative_to(ROOT)): imported_packages(source) & others for source in sources}
    assert not any(wrong.values()), {name: found for name, found in wrong.items() if found}


@pytest.mark.parametrize("package", NOT_LOADED)
def test_every_module_of_a_layer_loads_only_what_it_may(package: str) -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        f"package = importlib.import_module({package!r})\n"
        "for module in pkgutil.walk_packages(getattr(package, '__path__', []), package.__name__ + '.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "print(*sys.modules)\n"
    )
    loaded = {name.partition(".")[0] for name in run(code).split()}
    assert package.partition(".")[0] in loaded
    assert not loaded & NOT_LOADED[package]


def test_importing_the_library_loads_nothing_heavy_before_its_first_use() -> None:
    loaded = run("import faceposenet, sys; print(*sys.modules)").split()
    assert "faceposenet" in loaded
    assert not {"numpy", "cv2", "onnxruntime", "jaxtyping", "yaml"} & set(loaded)


@pytest.mark.parametrize("package", LAYERS)
def test_the_limit_on_pixels_is_set_before_opencv_is_imported(package: str) -> None:
    code = (
        "import os, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'cv2': print(os.environ.get('OPENCV_IO_MAX_IMAGE_PIXELS'))\n"
        "sys.meta_path.insert(0, Finder())\n"
        f"import {package}, importlib\n"
        "for name in getattr(" + package + ", '__all__', []): getattr(" + package + ", name)\n"
        "import cv2\n"
    )
    assert run(code).split()[0] == str(2**27)


@pytest.mark.parametrize("name", ["pipeline.py", "pipeline/__init__.py"])
def test_the_library_works_in_a_folder_with_a_pipeline_of_the_users_own(tmp_path: Path, name: str) -> None:
    own = tmp_path / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("raise SystemExit('the wrong pipeline was imported')\n")
    code = (
        "import numpy as np, faceposenet\n"
        "face = faceposenet.pose(np.zeros((200, 200, 3), np.uint8), [50, 50, 80, 80])\n"
        "print(len(faceposenet.views(np.zeros((200, 200, 3), np.uint8), face, [75], size_px=32)))\n"
    )
    assert run(code, tmp_path) == "1\n"


def run(code: str, folder: Path | None = None) -> str:
    """What Python prints for some code, run in a folder, which comes first on its path."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
