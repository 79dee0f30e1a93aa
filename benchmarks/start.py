"""What a small job waits for: python benchmarks/start.py

Runs `fpn run` over ten faces in turns, without Ray and with it, each in a process of its own, and prints the
medians of the whole command; then what a command imports, package by package, by Python's own account
(-X importtime). At last the processor time of importing the library and what it stands on, as a multiple of
that of an interpreter that does nothing (`python -c pass`).
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pipeline  # noqa: F401  # before cv2, as in a job

import click  # isort: skip

from pipeline.bench.photos import write_photos

FACES = 10
_IMPORTS = {
    "without Ray": "import pipeline.cli.main, pipeline.cli.job, pipeline.job.run, pipeline.engine.local",
    "with Ray": "import pipeline.cli.main, pipeline.cli.job, pipeline.job.run, pipeline.engine.ray.runner",
    "worker": "import pipeline.stages.registry",
}
_SHOWN = 10
_LIBRARY = {
    "numpy": "import numpy",
    "cv2": "import cv2",
    "onnxruntime": "import onnxruntime",
    "faceposenet": "import faceposenet",
    "faceposenet, every name of it": "from faceposenet import *",
}


def command_s(manifest: Path, out: Path, runner: str) -> float:
    """Seconds of one command."""
    command = [sys.executable, "-m", "pipeline", "run", str(manifest), str(out)]
    begin = time.perf_counter()
    subprocess.run(
        [*command, "--set", f"engine.runner={runner}"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - begin


def import_ms(code: str) -> Counter[str]:
    """Milliseconds of imports by package, what each imports left out."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    spent: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        own, _, name = line.removeprefix("import time:").split("|")
        if own.strip().isdigit():
            spent[name.strip().partition(".")[0]] += int(own)
    return Counter({name: us // 1000 for name, us in spent.items()})


def cpu_s(code: str) -> float:
    """Seconds of processor time of an interpreter that runs some code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def import_ratios(rounds: int) -> dict[str, float]:
    """Processor time of imports, in times that of `python -c pass`: medians of ratios measured in pairs."""
    ratios: dict[str, list[float]] = {what: [] for what in _LIBRARY}
    for _ in range(rounds):
        for what, code in _LIBRARY.items():
            ratios[what].append(cpu_s(code) / cpu_s("pass"))
    return {what: statistics.median(found) for what, found in ratios.items()}


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, help="Repetitions; medians count.")
def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = write_photos(folder, FACES)
        times: dict[str, list[float]] = {"local": [], "ray": []}
        for number in range(rounds + 1):  # the first fills caches and does not count
            for runner, seconds in times.items():
                seconds.append(command_s(manifest, folder / f"{runner}-{number}", runner))
    click.echo(f"{FACES} faces, {os.cpu_count()} CPUs, seconds of the whole command: median, least, most")
    for runner, seconds in times.items():
        counted = seconds[1:]
        click.echo(f"  {runner:6} {statistics.median(counted):6.1f} {min(counted):6.1f} {max(counted):6.1f}")
    for what, code in _IMPORTS.items():
        spent = import_ms(code)
        most = ", ".join(f"{package} {ms}" for package, ms in spent.most_common(_SHOWN))
        click.echo(f"imports {what}: {sum(spent.values())} ms: {most}")
    for what, ratio in import_ratios(2 * rounds).items():
        click.echo(f"import of {what}: {ratio:.1f} x python -c pass")


if __name__ == "__main__":
    main()
