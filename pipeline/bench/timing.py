"""Times of actions that take turns, so that a busy moment of the machine hits all of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of an action over several rounds."""

    median_s: float
    spread: float
    """Width of the middle half of the rounds, as a share of the median."""
    cpu_s: float
    """Median of the processor time of this process, which others on the machine do not lengthen."""


def time_in_turns(actions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Times each action several times, in turns; the first call of each does not count."""
    for action in actions.values():
        action()
    walls: dict[str, list[float]] = {name: [] for name in actions}
    cpus: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            wall, cpu = time.perf_counter(), time.process_time()
            action()
            cpus[name].append(time.process_time() - cpu)
            walls[name].append(time.perf_counter() - wall)
    return {name: Timing(*_median_and_spread(walls[name]), statistics.median(cpus[name])) for name in actions}


def _median_and_spread(times_s: list[float]) -> tuple[float, float]:
    median = statistics.median(times_s)
    if len(times_s) < 2 or not median:
        return median, 0.0
    lower, _, upper = statistics.quantiles(times_s, n=4, method="inclusive")
    return median, (upper - lower) / median
