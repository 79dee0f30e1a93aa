"""Starting and joining Ray, without one."""

from pathlib import Path

import pytest
import ray

import pipeline
from pipeline.config.settings import EngineSettings
from pipeline.engine.ray.session import ray_session
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


def test_another_ray_on_the_cluster_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**options: object) -> None:
        # The words of ray._private.utils.check_version_info.
        raise RuntimeError(
            "Version mismatch: The cluster was started with:\n    Ray: 2.59.0\n    Python: 3.11.2\n"
            "This process on node 10.0.0.1 was started with:\n    Ray: 2.60.0\n    Python: 3.11.2\n"
        )

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(ResourceError) as raised, ray_session(EngineSettings(address="here:1")):
        pass
    assert "\n" not in str(raised.value)
    assert "Ray: 2.59.0" in str(raised.value)


@pytest.mark.parametrize("name", ["pipeline.py", "fpn_core/__init__.py"])
def test_a_module_that_hides_the_package_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.chdir(tmp_path)
    told = pytest.raises(ResourceError, match="would be imported by Ray's workers in place of the package")
    with told, ray_session(EngineSettings()):
        pass


def test_the_package_itself_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: None)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.chdir(Path(pipeline.__file__).parents[1])
    with ray_session(EngineSettings()) as may_grow:
        assert not may_grow
    with ray_session(EngineSettings(address="here:1")) as may_grow:
        assert may_grow
