"""This machine: how many cores a job may take, and what it is, to stand beside numbers measured on it."""

import os
import platform
import sys
from pathlib import Path

from pipeline.versions import library_versions

_GROUPS = Path("/sys/fs/cgroup")


def usable_cpus() -> int:
    """Cores that this process may use: what its affinity and its container's quota leave of the machine's."""
    cpus = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota = _quota(_GROUPS)
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def describe_machine() -> dict[str, str | int]:
    """Processor, cores and versions, by name."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cpus": usable_cpus(),
        **library_versions(),
    }


def _quota(groups: Path) -> float | None:
    """Cores that the control group of a container grants; None for no limit.

    Version 2 of control groups says `MICROSECONDS PERIOD` or `max PERIOD` in one file, version 1 each in one
    of its own, with -1 for no limit.
    """
    try:
        granted, period = (groups / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            granted, period = (
                (groups / "cpu" / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")
            )
        except (OSError, ValueError):
            return None
    try:
        return int(granted) / int(period) if granted not in ("max", "-1") else None
    except (ValueError, ZeroDivisionError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
