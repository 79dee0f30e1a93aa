"""This machine: how many cores a job may take, and what it is, to stand beside numbers measured on it."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cpus() -> int:
    """Cores that this process may use: what its affinity and its container's quota leave of the machine's."""
    cpus = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota = _quota(_CPU_QUOTA)
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def describe_machine() -> dict[str, str | int]:
    """Processor, cores and versions, by name."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cpus": usable_cpus(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "opencv-python-headless", "pyarrow", "ray")},
        "onnxruntime": _onnxruntime_version(),
    }


def _quota(path: Path) -> float | None:
    """Cores that a control group (version 2) grants: `MICROSECONDS PERIOD`, or `max PERIOD` for no limit."""
    try:
        granted, period = path.read_text().split()
        return None if granted == "max" else int(granted) / int(period)
    except (OSError, ValueError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _onnxruntime_version() -> str:
    import onnxruntime  # noqa: PLC0415  # its distribution has two names

    return str(onnxruntime.__version__)
