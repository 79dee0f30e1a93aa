"""Parts through pools of actors on Ray Data, past the loss of nodes.

The unit that travels is a part: one row of a block is one part, so that no setting of the engine can cut or
mix parts, and the driver holds nothing per face. A part's result is known when the part is done.
"""

import gc
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
import ray.data
from ray.data import ActorPoolStrategy, TaskPoolStrategy
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from pipeline.engine.ray.actor import ACTORS, Work
from pipeline.engine.ray.nodes import alive_nodes
from pipeline.engine.ray.observer import Observer, PoolCallback
from pipeline.engine.ray.pools import Pool
from pipeline.engine.ray.source import NumberedSource
from pipeline.errors import JobIncompleteError, PipelineError
from pipeline.monitor.progress import StageLoad

# Tasks that read the manifest at a time: they wait, more than they work, for the rows to be taken.
_READERS = 2
# Actors that may die as they start, one after the other, before that counts as an error of theirs: a node
# that goes takes all those with it that were starting there.
_STARTING_DEATHS = 3
# The loss of a node or actor, as against what a worker itself raised.
_LOSSES = (RayActorError, NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError)
# So often in a row, without a part committed in between, a loss that Ray cannot make good is no accident.
_MOST_LOSSES = 3
# Ray takes about so long to notice that a node is gone (its health checks), and to count its CPUs no more.
_PAUSE_AFTER_LOSS_S = 15.0


@dataclass
class Execution:
    """Runs items through pools until all have a result."""

    work: Work
    pools: Sequence[Pool]
    start_timeout_s: float
    say: Callable[[str], None]
    committed: Callable[[set[int]], list[dict[str, Any]]] = lambda numbers: []
    """Results of those items that are done although no word of it came; without, they are sent again."""
    _observer: Observer | None = field(default=None, init=False)

    @property
    def loads(self) -> tuple[StageLoad, ...]:
        """How busy each stage is at the moment; none before the start."""
        return () if self._observer is None else self._observer.loads

    def results(
        self, numbers: Sequence[int], source: Callable[[set[int]], NumberedSource]
    ) -> Iterator[dict[str, Any]]:
        """The results of numbered items, in any order, each once.

        `source`: numbers of the items that are still to be done -> where Ray Data reads them. What Ray cannot
        make good by itself after the loss of nodes is begun anew, as often as parts are committed in between.

        Raises:
            ResourceError: no actor started in time.
            JobIncompleteError: a worker that failed for good, or no node is left; what was committed stays.
        """
        waiting = set(numbers)
        losses = 0
        while waiting:
            try:
                for fields in self._execute(source(waiting)):
                    losses = 0
                    if fields["part"] in waiting:
                        waiting.remove(fields["part"])
                        yield fields
                return
            except RayError as error:
                losses += 1
                if losses > _MOST_LOSSES or not isinstance(error, _LOSSES):
                    raise translated(error) from error
                self.say(f"lost a node or worker ({_last_line(error)}); going on with what is left")
            # The failed execution sits in reference cycles and would keep its actors, and their CPUs, alive.
            gc.collect()
            time.sleep(_PAUSE_AFTER_LOSS_S)
            for fields in self.committed(set(waiting)):
                losses = 0
                waiting.remove(fields["part"])
                yield fields
            if waiting and not any(node.cpus for node in alive_nodes()):
                raise JobIncompleteError(
                    "no node of Ray is left (killed, or out of memory?). Committed parts stay; the same "
                    "command continues the job"
                )

    def _execute(self, source: NumberedSource) -> Iterator[dict[str, Any]]:
        observer = self._observer = Observer(self.pools, self.start_timeout_s, self.say)
        PoolCallback.observer = observer
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what goes wrong comes as an exception
        try:
            with ray.data.DataContext.current(data_context()):
                dataset = ray.data.read_datasource(
                    source,
                    num_cpus=0,
                    compute=TaskPoolStrategy(min(_READERS, source.n_tasks)),
                    override_num_blocks=source.n_tasks,
                )
                for pool in self.pools:
                    dataset = self._map(dataset, pool)
                batches = dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
                for batch in batches:
                    for entry in batch["entry"].to_pylist():
                        observer.part_done()
                        yield json.loads(entry)
        finally:
            PoolCallback.observer = None

    def _map(self, dataset: Any, pool: Pool) -> Any:
        side_by_side = pool.side_by_side
        return dataset.map_batches(
            ACTORS[pool.stage],
            fn_constructor_args=(self.work,),
            batch_size=1,
            batch_format="pyarrow",
            # One part at work and one waiting, whose columns are fetched meanwhile.
            compute=ActorPoolStrategy(
                min_size=1,
                max_size=pool.most,
                max_tasks_in_flight_per_actor=2 * side_by_side,
                max_concurrent_calls_per_actor=side_by_side if side_by_side > 1 else None,
            ),
            num_cpus=pool.cpus,
            num_gpus=pool.gpus or None,
        )


def data_context() -> Any:
    """Settings of Ray Data for rows that are parts: a block each, whatever their size."""
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1  # bytes: every row is larger, and so a block of its own
    context.max_consecutive_actor_init_deaths = _STARTING_DEATHS
    context.custom_execution_callback_classes = [PoolCallback]
    return context


def translated(error: BaseException) -> PipelineError:
    """What the user has to know of an engine's error: the worker's own, where it was one of ours."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PipelineError):
            return cause
        cause = cause.cause if isinstance(cause, RayTaskError) else cause.__cause__
    died = "a worker died again and again" if isinstance(error, RayActorError) else "a worker failed"
    return JobIncompleteError(
        f"{died}: {_last_line(error)}. Committed parts stay; the same command continues"
    )


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
