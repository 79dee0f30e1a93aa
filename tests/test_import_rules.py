"""The layers: the cores know neither the engine nor each other, and nothing but training knows torch."""

import subprocess
import sys

import pytest

FORBIDDEN = {
    "faceposenet": {"ray", "torch"},
    "fpn_core": {"ray", "torch", "render_core", "pipeline"},
    "render_core": {"ray", "torch", "onnxruntime", "fpn_core", "pipeline"},
    "pipeline": {"torch"},
    "pipeline.cli.main": {"torch"},
}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_every_module_of_a_layer_imports_only_what_it_may(package: str) -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        f"package = importlib.import_module({package!r})\n"
        "for module in pkgutil.walk_packages(getattr(package, '__path__', []), package.__name__ + '.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "print(*sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in found.stdout.split()}
    assert package.partition(".")[0] in loaded
    assert not loaded & FORBIDDEN[package]
