"""What pyproject.toml cannot say: the renderer's kernel in C, and `configs/` as a folder of `pipeline`."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

# The interface of Python that stays the same from 3.11 on: one wheel of a platform for all of them. Builds of
# Python without a global lock do not have it.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

KERNEL = Extension(
    "render_core.kernel._compiled",
    sources=["render_core/kernel/module.c", "render_core/kernel/sampling.c"],
    depends=["render_core/kernel/sampling.h", "render_core/kernel/sampling_rows.h"],
    py_limited_api=STABLE,
    define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
    # Without a compiler the package works all the same, with the kernel in NumPy.
    optional=True,
)


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
        ext.extra_compile_args = (
            ["/O2", "/fp:precise"] if msvc else ["-O3", "-g0", "-fno-fast-math", "-ffp-contract=off"]
        )
        super().build_extension(ext)


setup(
    cmdclass={"build_py": BuildWithPresets, "build_ext": BuildKernel},
    ext_modules=[KERNEL],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
