"""Which actors there are, and where they find a place. Real clusters start in tests/e2e/test_cluster.py."""

import pytest

from benchmarks.cluster_shapes import SHAPES
from pipeline.config.presets import find_config
from pipeline.config.settings import EngineSettings, load_config
from pipeline.engine.ray.nodes import Node
from pipeline.engine.ray.pools import make_pools, missing


def nodes(*sizes: tuple[float, float]) -> list[Node]:
    return [Node(str(i), "10.0.0.1", cpus, gpus) for i, (cpus, gpus) in enumerate(sizes)]


def stages(settings: EngineSettings, *, on_gpu: bool) -> list[str]:
    return [pool.stage for pool in make_pools(settings, on_gpu=on_gpu)]


def test_on_cpus_alone_every_actor_does_whole_parts() -> None:
    assert stages(EngineSettings(), on_gpu=False) == ["whole"]


def test_a_gpu_stands_between_cpu_pools() -> None:
    assert stages(EngineSettings(), on_gpu=True) == ["decode", "pose", "render"]


def test_what_computes_takes_whole_cpus_and_what_waits_takes_none() -> None:
    for on_gpu in (False, True):
        for layout in ("fused", "staged"):
            for pool in make_pools(EngineSettings(layout=layout), on_gpu=on_gpu):
                waits = pool.stage == "pose" and on_gpu
                assert pool.cpus == (0.0 if waits else 1.0)


def test_pools_grow_as_far_as_the_settings_let_them() -> None:
    assert [pool.most for pool in make_pools(EngineSettings(layout="staged"), on_gpu=True)] == [None] * 3
    limited = EngineSettings(layout="staged", workers=5, pose_actors=2)
    assert [pool.most for pool in make_pools(limited, on_gpu=True)] == [None, 2, 5]
    assert make_pools(EngineSettings(workers=3), on_gpu=False)[0].most == 3


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_preset_for_clusters_starts_on_every_usual_shape(shape: object) -> None:
    pools = make_pools(load_config(find_config("cluster")).engine, on_gpu=True)
    assert missing(pools, nodes(*shape.nodes)) is None  # type: ignore[attr-defined]


def test_one_cpu_less_than_the_least_is_told() -> None:
    pools = make_pools(EngineSettings(layout="staged"), on_gpu=False)
    assert missing(pools, nodes((0, 0), (2, 0), (1, 0))) is None
    said = "one actor for each of decode, pose, render takes 3 CPUs; there is no room for render"
    assert missing(pools, nodes((0, 0), (2, 0))) == said


def test_a_cpu_of_one_node_and_a_gpu_of_another_make_no_place_for_a_fused_actor() -> None:
    pools = make_pools(EngineSettings(layout="fused"), on_gpu=True)
    assert missing(pools, nodes((4, 0), (0, 1))) is not None
    assert missing(pools, nodes((4, 0), (1, 1))) is None
    halves = make_pools(EngineSettings(layout="staged"), on_gpu=False)
    assert missing(halves, nodes((0.5, 0), (0.5, 0), (0.5, 0))) is not None
