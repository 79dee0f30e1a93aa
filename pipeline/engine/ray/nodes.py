"""The nodes of a cluster: what they have, and whether they can do a job's work with the same bytes."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.errors import ResourceError

# A worker process starts in seconds; on a machine whose every core is busy it takes ten.
_ANSWER_TIMEOUT_S = 25.0
_PACKAGES = ("faceposenet", "ray", "numpy", "opencv-python-headless", "pyarrow")
_ONNXRUNTIME = ("onnxruntime-gpu", "onnxruntime")


@dataclass(frozen=True)
class Node:
    """A node that is alive."""

    id: str
    address: str
    cpus: float
    gpus: float


def alive_nodes() -> list[Node]:
    """The nodes that Ray can use now."""
    return [
        Node(
            node["NodeID"],
            node["NodeManagerAddress"],
            float(node["Resources"].get("CPU", 0)),
            float(node["Resources"].get("GPU", 0)),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def describe(nodes: Sequence[Node]) -> str:
    """Nodes in words."""
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    return f"{len(nodes)} nodes, {cpus:g} CPUs, {gpus:g} GPUs"


def versions_here() -> dict[str, str]:
    """Versions of what decides the bytes of the results; those of pure Python need not be equal."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        found[name] = version(name)
    for name in _ONNXRUNTIME:
        try:
            found["onnxruntime"] = version(name)
        except PackageNotFoundError:
            continue
        break
    return found


def differences(here: dict[str, str], there: dict[str, str]) -> str:
    """What a node has otherwise than the driver, in words; empty where nothing differs."""
    return ", ".join(
        f"{name} {there.get(name) or 'is missing'} (here {wanted})"
        for name, wanted in here.items()
        if there.get(name) != wanted
    )


def check_nodes(nodes: Sequence[Node]) -> None:
    """Ask every node for its versions, those without a free CPU too.

    Raises:
        ResourceError: a node lacks the package, or has another version of something that decides bytes.
    """
    here = versions_here()
    ask = ray.remote(num_cpus=0, max_retries=1)(_asker(list(here)))
    asked = [
        (node, ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote())
        for node in nodes
    ]
    ray.wait([answer for _, answer in asked], num_returns=len(asked), timeout=_ANSWER_TIMEOUT_S)
    for node, answer in asked:
        try:
            there = ray.get(answer, timeout=0)
        except (GetTimeoutError, RayError):
            continue  # a node that is busy or goes away is found out by its actors
        if different := differences(here, there):
            raise ResourceError(
                f"the node {node.address} has other versions than the driver, so its results would have "
                f"other bytes: {different}; install the same constraints on every node"
            )


def _asker(names: Sequence[str]) -> Callable[[], dict[str, Any]]:
    """A function that goes to a node by its own code: the package may not be there."""
    gpu_first = _ONNXRUNTIME

    def ask() -> dict[str, Any]:
        import platform as there  # noqa: PLC0415
        from importlib.metadata import PackageNotFoundError as Absent  # noqa: PLC0415
        from importlib.metadata import version as version_of  # noqa: PLC0415

        found: dict[str, Any] = {"python": ".".join(there.python_version_tuple()[:2])}
        for name in names:
            for distribution in gpu_first if name == "onnxruntime" else (name,):
                try:
                    found.setdefault(name, version_of(distribution))
                except Absent:
                    continue
        return found

    return ask
