"""Starting and joining Ray, without one."""

import pytest
import ray

from pipeline.config import EngineSettings
from pipeline.engine import ray_session
from pipeline.errors import ResourceError


@pytest.mark.parametrize(
    ("address", "said"),
    [(None, "cannot start a local Ray: its raylet"), ("here:1", "cannot join the Ray cluster at 'here:1'")],
)
def test_a_ray_that_does_not_start_is_told_whatever_it_raises(
    monkeypatch: pytest.MonkeyPatch, address: str | None, said: str
) -> None:
    def init(**options: object) -> None:
        raise Exception("its raylet died")  # as Ray does where its own processes end too early

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ResourceError, match=said), ray_session(EngineSettings(address=address)):
        pass
