"""What pyproject.toml cannot say.

- The renderer's kernel in C.
- The presets of `configs/` become the wheel's folder `pipeline/configs`.
- The README of the package index: the links of README.md lead to the repository, because there is no checkout
  beside it there.
"""

import re
import sysconfig
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

# The interface of Python that stays the same from 3.11 on: one wheel of a platform for all of them. Builds of
# Python without a global lock do not have it.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

KERNEL = Extension(
    "render_core.kernel._compiled",
    sources=[f"render_core/kernel/{name}.c" for name in ("module", "sampling", "fill", "look")],
    depends=[
        f"render_core/kernel/{name}.h" for name in ("sampling", "sampling_rows", "cells", "fill", "look")
    ],
    py_limited_api=STABLE,
    define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
    # Without a compiler the package works all the same, with the kernel in NumPy.
    optional=True,
)

_RELATIVE_LINK = re.compile(r"(!?\[[^\]]*\]\()(?![a-z]+:|#)([^)]+\))")


# No fused or reordered floating point. Nothing asks for traps, and loops without them can be vectorised.
EXACT = ["-fno-fast-math", "-ffp-contract=off", "-fno-trapping-math"]


class BuildWithPresets(build_py):
    """Copies the presets into the package; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            presets = Path(self.build_lib, "pipeline", "configs")
            self.mkpath(str(presets))
            for path in Path("configs").iterdir():
                self.copy_file(str(path), str(presets / path.name))


class BuildKernel(build_ext):
    """Compiles so that every machine gives the same bytes: no fused or reordered floating point."""

    def build_extension(self, ext: Extension) -> None:
        msvc = self.compiler.compiler_type == "msvc"
        # The last ones win, also over CFLAGS of the environment.
        ext.extra_compile_args = ["/O2", "/fp:precise"] if msvc else ["-O3", "-g0", *EXACT]
        super().build_extension(ext)


def readme_with_absolute_links() -> str:
    """README.md, with pictures and pages taken from the repository that pyproject.toml names."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"]

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link[1].startswith("!") else "blob"
        return f"{link[1]}{repository}/{kind}/main/{link[2]}"

    return _RELATIVE_LINK.sub(absolute, Path("README.md").read_text(encoding="utf-8"))


setup(
    cmdclass={"build_py": BuildWithPresets, "build_ext": BuildKernel},
    ext_modules=[KERNEL],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
    long_description=readme_with_absolute_links(),
    long_description_content_type="text/markdown",
)
