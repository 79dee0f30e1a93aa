import pytest

from pipeline.bench import timing
from pipeline.bench.timing import Timing, time_in_turns


def test_actions_take_turns_and_their_first_call_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 0.0, "cpu": 0.0}
    called: list[str] = []

    def action(name: str, *seconds: float):
        left = list(seconds)

        def act() -> None:
            called.append(name)
            clock["now"] += left.pop(0)
            clock["cpu"] += 0.5

        return act

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock["now"])
    monkeypatch.setattr(timing.time, "process_time", lambda: clock["cpu"])
    found = time_in_turns({"a": action("a", 99, 1, 2, 3, 4, 5), "b": action("b", 99, 7, 7, 7, 7, 7)}, 5)
    assert "".join(called) == "ab" * 6
    assert found == {"a": Timing(3.0, 2 / 3, 0.5), "b": Timing(7.0, 0.0, 0.5)}


def test_one_round_has_no_spread() -> None:
    assert time_in_turns({"a": lambda: None}, 1)["a"].spread == 0.0
