"""Which actors a job has: how the stages are laid out on the CPUs and GPUs that are there."""

from dataclasses import dataclass
from typing import Literal

from pipeline.config.settings import EngineSettings
from pipeline.errors import ResourceError

# A crop costs about a tenth of five rendered views, and a pose actor on a GPU mostly waits for it.
_DECODERS_PER_CPU = 1 / 8
_LIGHT_ACTOR_CPUS = 0.5


@dataclass(frozen=True)
class Pool:
    """A pool of equal actors."""

    size: int
    cpus: float
    gpus: float = 0.0


Stages = tuple[tuple[str, Pool], ...]
"""Stages in order, by their names in `pipeline.stages.registry`, with the actors of each."""


@dataclass(frozen=True)
class Layout:
    """fused: one pool does everything. staged: three pools after one another."""

    kind: Literal["fused", "staged"]
    decode: Pool
    pose: Pool
    render: Pool

    def stages(self) -> Stages:
        """The stages of a part."""
        if self.kind == "fused":
            return (("whole", self.decode),)
        return (("decode", self.decode), ("pose", self.pose), ("render", self.render))

    def describe(self) -> str:
        """The actors in words."""
        if self.kind == "fused":
            return f"{self.decode.size} actors that each do whole parts"
        return f"{self.decode.size} decode, {self.pose.size} pose and {self.render.size} render actors"


def choose_layout(
    settings: EngineSettings, cpus: float, gpus: float, n_parts: int, *, on_gpu: bool
) -> Layout:
    """Lay the stages out on a cluster of so many CPUs and GPUs. No pool has more actors than there are parts.

    Handing pixels from process to process costs more than it gives on CPUs alone, so there every actor does
    whole parts. A GPU is fed by CPU actors and feeds others.

    Raises:
        ResourceError: the actors that the settings ask for do not fit. Ray would wait for ever.
    """
    kind = settings.layout
    if kind == "auto":
        kind = "staged" if on_gpu else "fused"
    if kind == "fused":
        pool = Pool(
            min(settings.workers or int(cpus), n_parts),
            cpus=1.0,
            gpus=settings.gpus_per_pose_actor if on_gpu else 0.0,
        )
        _check(cpus, gpus, [pool])
        return Layout("fused", pool, pool, pool)
    pose = Pool(
        min(settings.pose_actors, n_parts), _LIGHT_ACTOR_CPUS, settings.gpus_per_pose_actor if on_gpu else 0.0
    )
    decode = Pool(min(max(1, int(cpus * _DECODERS_PER_CPU)), n_parts), _LIGHT_ACTOR_CPUS)
    left = cpus - (pose.size + decode.size) * _LIGHT_ACTOR_CPUS
    render = Pool(min(settings.workers or max(1, int(left)), n_parts), cpus=1.0)
    _check(cpus, gpus, [decode, pose, render])
    return Layout("staged", decode, pose, render)


def _check(cpus: float, gpus: float, pools: list[Pool]) -> None:
    wanted_cpus = sum(pool.size * pool.cpus for pool in pools)
    wanted_gpus = sum(pool.size * pool.gpus for pool in pools)
    if min(pool.size for pool in pools) < 1 or wanted_cpus > cpus:
        raise ResourceError(
            f"the actors take {wanted_cpus:g} CPUs, but there are {cpus:g}; lower engine.workers or "
            "engine.pose_actors, or set engine.layout=fused"
        )
    if wanted_gpus > gpus:
        raise ResourceError(
            f"the pose actors take {wanted_gpus:g} GPUs, but there are {gpus:g}; lower engine.pose_actors or "
            "engine.gpus_per_pose_actor, or set pose.device=cpu"
        )
