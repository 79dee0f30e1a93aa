import pytest

from pipeline.config.settings import EngineSettings
from pipeline.engine.ray.layout import choose_layout
from pipeline.errors import ResourceError


def test_on_cpus_alone_every_actor_does_whole_parts() -> None:
    layout = choose_layout(EngineSettings(), 8, 0, 100, on_gpu=False)
    assert (layout.kind, layout.decode.size) == ("fused", 8)


def test_no_more_actors_than_parts() -> None:
    assert choose_layout(EngineSettings(), 8, 0, 3, on_gpu=False).decode.size == 3


def test_a_gpu_stands_between_cpu_pools() -> None:
    layout = choose_layout(EngineSettings(pose_actors=2, gpus_per_pose_actor=0.5), 16, 1, 1000, on_gpu=True)
    assert layout.kind == "staged"
    assert (layout.pose.size, layout.pose.gpus) == (2, 0.5)
    assert layout.decode.gpus == layout.render.gpus == 0
    taken = sum(pool.size * pool.cpus for pool in (layout.decode, layout.pose, layout.render))
    assert 14 <= taken <= 16


@pytest.mark.parametrize("cpus", [2, 3, 4, 7, 64])
def test_staged_always_fits_the_cpus(cpus: int) -> None:
    layout = choose_layout(EngineSettings(layout="staged"), cpus, 0, 1000, on_gpu=False)
    assert sum(pool.size * pool.cpus for pool in (layout.decode, layout.pose, layout.render)) <= cpus


@pytest.mark.parametrize(
    ("settings", "gpus", "on_gpu", "said"),
    [
        ({"workers": 9}, 0, False, "actors take 9 CPUs, but there are 4"),
        ({"layout": "staged", "workers": 4}, 0, False, "5 CPUs, but there are 4"),
        ({"pose_actors": 3}, 1, True, "pose actors take 3 GPUs, but there are 1"),
    ],
)
def test_what_would_wait_for_ever_is_refused(settings: dict, gpus: int, on_gpu: bool, said: str) -> None:
    with pytest.raises(ResourceError, match=said):
        choose_layout(EngineSettings(**settings), 4, gpus, 1000, on_gpu=on_gpu)
