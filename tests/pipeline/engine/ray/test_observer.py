"""What the observer makes of Ray's counts; the operators here stand for those of a running execution."""

from dataclasses import dataclass, field

import pytest

from pipeline.config.settings import EngineSettings
from pipeline.engine.ray import observer as module
from pipeline.engine.ray.nodes import Node
from pipeline.engine.ray.observer import Observer
from pipeline.engine.ray.pools import make_pools
from pipeline.errors import JobIncompleteError, ResourceError
from pipeline.monitor.progress import StageLoad


@dataclass
class Actors:
    running: int = 0
    active: int = 0
    restarting: int = 0

    def num_running_actors(self) -> int:
        return self.running

    def num_active_actors(self) -> int:
        return self.active

    def num_restarting_actors(self) -> int:
        return self.restarting


@dataclass
class State:
    queued: int = 0

    def total_enqueued_input_blocks(self) -> int:
        return self.queued


@dataclass(eq=False)
class Operator:
    actors: Actors | None

    def get_autoscaling_actor_pools(self) -> list[Actors]:
        return [] if self.actors is None else [self.actors]


@dataclass
class Cluster:
    """Three stages after a reading operator, on nodes that can be changed."""

    nodes: list[Node]
    actors: list[Actors] = field(default_factory=lambda: [Actors(), Actors(), Actors()])
    said: list[str] = field(default_factory=list)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.topology = {
            Operator(None): State(),
            **{Operator(actors): State(n) for n, actors in enumerate(self.actors)},
        }


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster([Node("a", "10.0.0.1", 4, 1)])
    monkeypatch.setattr(module, "alive_nodes", lambda: made.nodes)
    monkeypatch.setattr(module.time, "monotonic", lambda: made.now_s)
    return made


def observe(cluster: Cluster) -> Observer:
    pools = make_pools(EngineSettings(layout="staged"), on_gpu=True)
    return Observer(pools, 60.0, cluster.said.append)


def look(observer: Observer, cluster: Cluster, at_s: float) -> None:
    cluster.now_s = at_s
    observer.look(cluster.topology)


def test_loads_are_rays_own_counts(cluster: Cluster) -> None:
    observer = observe(cluster)
    cluster.actors[0].running, cluster.actors[0].active = 2, 1
    look(observer, cluster, 1.0)
    assert observer.loads == (
        StageLoad("decode", 0, 2, 1),
        StageLoad("pose", 1, 0, 0),
        StageLoad("render", 2, 0, 0),
    )


def test_a_start_that_takes_long_is_told_and_then_given_up(cluster: Cluster) -> None:
    observer = observe(cluster)
    look(observer, cluster, 9.0)
    assert cluster.said == []
    look(observer, cluster, 11.0)
    look(observer, cluster, 12.0)
    assert len(cluster.said) == 1
    assert (
        "waiting for the first actors, up to engine.start_timeout_s = 60 s: 1 nodes, 4 CPUs"
        in cluster.said[0]
    )
    with pytest.raises(ResourceError, match=r"no actor started within .* its CPUs are taken by other jobs"):
        look(observer, cluster, 61.0)


def test_what_is_missing_is_told_where_something_is(cluster: Cluster) -> None:
    cluster.nodes = [Node("a", "10.0.0.1", 1, 1)]
    with pytest.raises(
        ResourceError, match="takes 2 CPUs and 1 GPU on one node; there is no room for render"
    ):
        look(observe(cluster), cluster, 61.0)


def test_a_job_that_has_started_may_wait_as_long_as_it_takes(cluster: Cluster) -> None:
    observer = observe(cluster)
    cluster.actors[0].running = 1
    look(observer, cluster, 1.0)
    cluster.actors[0].running = 0
    look(observer, cluster, 1000.0)


def test_nodes_that_join_or_go_are_told(cluster: Cluster) -> None:
    observer = observe(cluster)
    cluster.nodes = [*cluster.nodes, Node("b", "10.0.0.2", 8, 0)]
    look(observer, cluster, 1.0)
    look(observer, cluster, 3.0)
    assert cluster.said == ["the cluster has 2 nodes, 12 CPUs, 1 GPUs now"]


def test_actors_may_die_any_number_of_times_as_long_as_parts_are_committed(cluster: Cluster) -> None:
    observer = observe(cluster)
    cluster.actors[2].running = 2

    def lose_both(at_s: float) -> None:
        cluster.actors[2].restarting = 2
        look(observer, cluster, at_s)
        cluster.actors[2].restarting = 0
        look(observer, cluster, at_s + 2)

    for n in range(50):
        lose_both(10.0 * n)
        observer.part_done()
    for n in range(3):
        lose_both(1000.0 + 10 * n)
    with pytest.raises(JobIncompleteError, match="workers died 8 times without a part committed"):
        lose_both(2000.0)
