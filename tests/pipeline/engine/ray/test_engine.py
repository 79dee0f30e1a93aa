"""Starting and joining Ray, and its loss, without one."""

from pathlib import Path

import pytest
import ray
from ray.exceptions import RayActorError

from pipeline.config.settings import EngineSettings, load_config
from pipeline.engine.ray import engine
from pipeline.engine.ray.engine import ray_session, run_parts
from pipeline.errors import JobIncompleteError, ResourceError
from pipeline.job.fingerprint import prepare_job


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


def test_a_ray_without_a_node_left_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lose(*args: object) -> None:
        raise RayActorError

    (tmp_path / "list.txt").write_text("a.jpg,0,0,9,9\n")
    prepared = prepare_job(str(tmp_path / "list.txt"), str(tmp_path / "out"), load_config())
    monkeypatch.setattr(engine, "_execute", lose)
    monkeypatch.setattr(engine, "_PAUSE_AFTER_LOSS_S", 0.0)
    monkeypatch.setattr(engine, "cluster_size", lambda: (0.0, 0.0))
    with pytest.raises(JobIncompleteError, match=r"no node of Ray is left .* the same command continues"):
        list(run_parts(prepared.job, prepared.parts, lambda n: None, "cpu"))
