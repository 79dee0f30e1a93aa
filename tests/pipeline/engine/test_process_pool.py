"""Children and their feeding; what they do well and how they fail, is told in test_local_engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config.settings import EngineSettings
from pipeline.engine import process_pool as crew
from pipeline.engine.process_pool import Crew


class Echo:
    """Stands for a supervisor and its child."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, item: dict[str, bytes]) -> dict[str, bytes]:
        return {"entry": item["chunk"] * 2}

    def stop(self) -> None:
        pass

    close = stop


def test_items_are_taken_as_the_crew_gets_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "Supervisor", Echo)
    taken: list[int] = []

    def items() -> Iterator[dict[str, bytes]]:
        for n in range(100):
            taken.append(n)
            yield {"chunk": bytes([n])}

    workers = Crew("find", b"", EngineSettings(), 2, tmp_path / "log")
    results = workers.results(items())
    got = [next(results) for _ in range(3)]
    assert len(taken) <= 3 + 4
    got += results
    workers.end()
    assert sorted(result["entry"] for result in got) == [bytes([n, n]) for n in range(100)]
