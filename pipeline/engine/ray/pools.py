"""The pools of actors of a job: what each actor takes, and within which sizes Ray may scale them.

Ray Data sizes the pools by the work that waits for them and by the cluster as it is at the moment. Nothing
here adds up the CPUs of nodes. Every actor that computes takes one whole CPU, so that none leaves a part of a
CPU in which no other fits; an actor that waits for a GPU takes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.config.settings import EngineSettings
from pipeline.engine.ray.nodes import Node

ACTOR_MB = 500
"""Memory that an actor and its process take at most, in parts of 1,024 faces of 250 px photos; `python
benchmarks/cluster.py handover` holds them to it."""


@dataclass(frozen=True)
class Pool:
    """Equal actors of one stage."""

    stage: str
    """As in `pipeline.stages.registry`."""
    cpus: float
    gpus: float = 0.0
    most: int | None = None
    """Largest number of actors; None: as many as Ray finds room and work for."""
    side_by_side: int = 1
    """Parts that an actor takes in at once: while one computes, the next is fetched and the last handed
    on."""


def make_pools(settings: EngineSettings, *, on_gpu: bool) -> tuple[Pool, ...]:
    """The pools of a job, in the order of its stages.

    Handing pixels from process to process costs more than it gives on CPUs alone, so there every actor does
    whole parts. A GPU is fed by CPU actors and feeds others.
    """
    kind = settings.layout
    if kind == "auto":
        kind = "staged" if on_gpu else "fused"
    gpus = settings.gpus_per_pose_actor if on_gpu else 0.0
    if kind == "fused":
        return (Pool("whole", 1.0, gpus, settings.workers),)
    return (
        Pool("decode", 1.0),
        Pool("pose", 0.0 if on_gpu else 1.0, gpus, settings.pose_actors, side_by_side=2),
        Pool("render", 1.0, most=settings.workers),
    )


def describe(pools: Sequence[Pool]) -> str:
    """The pools in words."""
    if len(pools) == 1:
        return "every actor does whole parts; Ray sizes the pool by load and cluster"
    names = ", ".join(pool.stage for pool in pools[:-1])
    return f"pools for {names} and {pools[-1].stage}; Ray sizes them by load and cluster"


def missing(pools: Sequence[Pool], nodes: Sequence[Node]) -> str | None:
    """What nodes lack for one actor of every pool, in words; None where they all find a place.

    An actor lies on one node: a CPU of one and a GPU of another make no place for one that takes both.
    """
    free = [[node.cpus, node.gpus] for node in nodes]
    # Those that need a GPU first: what takes CPUs alone finds a place anywhere.
    for pool in sorted(pools, key=lambda pool: (-pool.gpus, -pool.cpus)):
        for place in free:
            if place[0] >= pool.cpus and place[1] >= pool.gpus:
                place[0] -= pool.cpus
                place[1] -= pool.gpus
                break
        else:
            least_cpus, gpus = sum(pool.cpus for pool in pools), max(pool.gpus for pool in pools)
            wanted = f"{least_cpus:g} CPUs" + (f" and {gpus:g} GPU on one node" if gpus else "")
            stages = ", ".join(pool.stage for pool in pools)
            return f"one actor for each of {stages} takes {wanted}; there is no room for {pool.stage}"
    return None
