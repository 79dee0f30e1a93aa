"""The kernel gives the same bytes however it is compiled: checked for errors, optimised or not, for Arm."""

import shutil
import subprocess
from pathlib import Path

import pytest

from render_core import kernel
from tests.render_core.kernel.cases import all_cases

KERNEL = Path(kernel.__file__).parent
SOURCES = [KERNEL / "sampling.c", KERNEL / "fill.c", Path(__file__).with_name("run_cases.c")]
# As setup.py compiles it.
EXACT = ["-ffp-contract=off", "-fno-fast-math", "-Wall", "-Wextra", "-Werror"]
CHECKED = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all", "-g"]
ARM = "aarch64-linux-gnu-gcc"
QEMU = ("qemu-aarch64-static", "qemu-aarch64")


def compiled(compiler: str, options: list[str], folder: Path) -> Path:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = folder / "run_cases"
    include = f"-I{KERNEL}"
    subprocess.run(
        [compiler, *options, *EXACT, include, *map(str, SOURCES), "-o", str(program)], check=True, timeout=200
    )
    return program


def assert_same_bytes(command: list[str], paths: tuple[kernel.Path, ...]) -> None:
    cases = all_cases()
    expected = [case.picture("numpy").tobytes() for case in cases]
    for path in paths:
        encoded = b"".join(case.encoded(path) for case in cases)
        done = subprocess.run(command, input=encoded, capture_output=True, timeout=250, check=False)
        assert done.returncode == 0, done.stderr.decode()
        assert len(done.stdout) == sum(map(len, expected))
        start = 0
        for number, picture in enumerate(expected):
            assert done.stdout[start : start + len(picture)] == picture, f"case {number}, path {path}"
            start += len(picture)


@pytest.mark.parametrize("options", [CHECKED, ["-O0"], ["-O3"]], ids=["checked", "O0", "O3"])
def test_on_this_machine(options: list[str], tmp_path: Path) -> None:
    program = compiled("gcc", options, tmp_path)
    simd = kernel.best_path() in ("avx2", "neon")
    assert_same_bytes([str(program)], ("portable", "simd") if simd else ("portable",))


def test_on_arm(tmp_path: Path) -> None:
    emulator = next((name for name in QEMU if shutil.which(name)), None)
    if emulator is None:
        pytest.skip(f"{QEMU[0]} is not installed")
    program = compiled(ARM, ["-O3", "-static"], tmp_path)
    assert_same_bytes([emulator, str(program)], ("portable", "simd"))
