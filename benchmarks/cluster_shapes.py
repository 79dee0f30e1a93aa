"""The shapes of clusters that a job has to start on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Nodes of a cluster."""

    name: str
    nodes: tuple[tuple[float, float], ...]
    """CPUs and GPUs of each."""


SHAPES = [
    Shape(f"8 CPUs + 1 GPU, {count} x {cpus} CPUs", ((8.0, 1.0), *((float(cpus), 0.0),) * count))
    for cpus in (4, 8, 12, 16, 20, 24, 28, 32)
    for count in range(1, 9)
]
"""One node with a GPU and 8 CPUs, and 1 to 8 nodes of 4 to 32 CPUs: 64 in all."""
