"""A look at a running execution once a second: what waits where, who works, and when it is no use to go on.

Ray Data calls `PoolCallback` in every round of its own loop. The counts are Ray's; an error that is raised
there ends the execution and comes out of its results.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ray.data._internal.execution.execution_callback import ExecutionCallback

from pipeline.engine.ray.nodes import alive_nodes, describe
from pipeline.engine.ray.pools import Pool, missing
from pipeline.errors import JobIncompleteError, ResourceError
from pipeline.monitor.progress import StageLoad

_EVERY_S = 1.0
_FIRST_WORD_S, _WORD_EVERY_S = 10.0, 60.0
# So often may an actor be lost, on average over a pool, before a part is committed again.
_DEATHS_PER_ACTOR = 3


class Observer:
    """What is known of the pools of one execution."""

    def __init__(self, pools: Sequence[Pool], start_timeout_s: float, say: Callable[[str], None]) -> None:
        self._pools = pools
        self._start_timeout_s = start_timeout_s
        self._say = say
        self._began_s = time.monotonic()
        self._looked_s = float("-inf")
        self._said_s = self._began_s + _FIRST_WORD_S - _WORD_EVERY_S
        self._started: set[str] = set()
        self._restarting: dict[str, int] = {}
        self._deaths = 0
        self._nodes = alive_nodes()
        self.loads: tuple[StageLoad, ...] = ()
        """Of each stage, in order."""

    def part_done(self) -> None:
        """A part was committed: what was lost before it has cost nothing that lasts."""
        self._deaths = 0

    def look(self, topology: dict[Any, Any]) -> None:
        """Take down the counts of Ray's operators.

        Raises:
            ResourceError: there is a stage for which no actor started in time.
            JobIncompleteError: actors die again and again with no part committed in between.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < _EVERY_S:
            return
        self._looked_s = now_s
        operators = [operator for operator in topology if operator.get_autoscaling_actor_pools()]
        self.loads = tuple(
            self._load(pool, operator, topology[operator])
            for pool, operator in zip(self._pools, operators, strict=True)
        )
        self._say_of_nodes()
        self._check_start(now_s)
        actors = sum(load.actors for load in self.loads)
        if self._deaths > _DEATHS_PER_ACTOR * max(1, actors):
            raise JobIncompleteError(
                f"workers died {self._deaths} times without a part committed in between (killed, or out of "
                "memory?). Committed parts stay; the same command continues the job"
            )

    def _load(self, pool: Pool, operator: Any, state: Any) -> StageLoad:
        actors = operator.get_autoscaling_actor_pools()[0]
        if actors.num_running_actors():
            self._started.add(pool.stage)
        before = self._restarting.get(pool.stage, 0)
        self._restarting[pool.stage] = actors.num_restarting_actors()
        self._deaths += max(0, self._restarting[pool.stage] - before)
        return StageLoad(
            pool.stage,
            waiting=state.total_enqueued_input_blocks(),
            actors=actors.num_running_actors(),
            busy=actors.num_active_actors(),
        )

    def _say_of_nodes(self) -> None:
        nodes = alive_nodes()
        if {node.id for node in nodes} != {node.id for node in self._nodes}:
            self._nodes = nodes
            self._say(f"the cluster has {describe(nodes)} now")

    def _check_start(self, now_s: float) -> None:
        waits = [pool.stage for pool in self._pools if pool.stage not in self._started]
        # A pool that has no work yet may well have no actor.
        if not waits or self._started:
            return
        waited_s = now_s - self._began_s
        lack = missing(self._pools, self._nodes)
        why = lack or "its CPUs are taken by other jobs, or actors take long to start"
        if waited_s > self._start_timeout_s:
            raise ResourceError(
                f"no actor started within engine.start_timeout_s = {self._start_timeout_s:g} s on "
                f"{describe(self._nodes)}: {why}"
            )
        if now_s - self._said_s >= _WORD_EVERY_S:
            self._said_s = now_s
            self._say(
                f"waiting for the first actors, up to engine.start_timeout_s = {self._start_timeout_s:g} s: "
                f"{describe(self._nodes)}; {why}"
            )


class PoolCallback(ExecutionCallback):  # type: ignore[misc]  # Ray is untyped
    """Shows an execution of Ray Data to the observer of this process."""

    observer: Observer | None = None

    def on_execution_step(self, executor: Any) -> None:
        if PoolCallback.observer is not None:
            PoolCallback.observer.look(executor._topology)
