"""Resident memory of a job's processes over its faces, and whether it grows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from job_processes import Job

_BLOCKS = 20
_WARM_UP = 0.2
# A process whose memory rises by less over a million faces is flat, whatever the noise.
_FLAT_MB_PER_MILLION = 30.0


@dataclass
class MemoryLog:
    """Samples of every process."""

    out: Path
    faces: int = 0
    samples: dict[tuple[str, int], list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    """Role and pid -> (faces done, MB)."""

    def sample(self, job: Job) -> None:
        """One look at every process and at the ledger."""
        entries = sum(1 for _ in (self.out / "_ledger").glob("part-*.json"))
        self.faces = entries * 500
        for process in job.processes():
            self.samples[process.role, process.pid].append((self.faces, process.rss_mb))


@dataclass(frozen=True)
class Slope:
    """MB per million faces, with its standard error."""

    mb_per_million: float
    error: float

    @property
    def is_flat(self) -> bool:
        """Within three standard errors of zero, or too small to matter."""
        return self.mb_per_million <= max(3 * self.error, _FLAT_MB_PER_MILLION)


def slope(samples: Sequence[tuple[int, float]]) -> Slope:
    """Least squares over the means of 20 blocks, since neighbouring samples are not independent."""
    blocks = np.array_split(np.array(samples, dtype=np.float64), _BLOCKS)
    x, y = np.array([block.mean(axis=0) for block in blocks]).T
    x = (x - x.mean()) / 1e6
    rise = float(x @ y / (x @ x))
    residual = y - y.mean() - rise * x
    # Variance of the slope: s^2 / sum x^2, with s^2 from n - 2 degrees of freedom.
    return Slope(rise, float(np.sqrt(residual @ residual / (_BLOCKS - 2) / (x @ x))))


def describe(log: MemoryLog) -> bool:
    """Print a line a process, after the first fifth of the job; whether all are flat."""
    flat = True
    click.echo(f"{'process':22} {'begin':>8} {'end':>8} {'most':>8} MB   MB per million faces")
    for (role, pid), samples in sorted(log.samples.items()):
        steady = [sample for sample in samples if sample[0] >= _WARM_UP * log.faces]
        if len(steady) < 3 * _BLOCKS:
            continue  # a short-lived one
        rise = slope(steady)
        flat = flat and rise.is_flat
        mb = [mb for _, mb in steady]
        click.echo(
            f"{role:12} {pid:9} {np.mean(mb[:5]):8.1f} {np.mean(mb[-5:]):8.1f} {max(mb):8.1f}      "
            f"{rise.mb_per_million:+7.1f} +- {rise.error:.1f} {'' if rise.is_flat else ' GROWS'}"
        )
    return flat
