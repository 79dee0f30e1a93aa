import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import ray

from pipeline.config.settings import EngineSettings, JobConfig
from pipeline.engine import runner
from pipeline.engine.runner import MOST_FACES_WITHOUT_POOLS, choose_runner
from pipeline.errors import ResourceError
from tests.photos import FACE_XYWH_PX, write_portrait


def job(**settings: object) -> JobConfig:
    return JobConfig.model_validate({"engine": settings})


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.usefixtures("no_ray")
@pytest.mark.parametrize(
    ("settings", "n_faces", "expected"),
    [
        ({}, 10, "local"),
        ({}, 10**6, "local"),
        ({"address": "auto"}, 10, "ray"),
        ({"layout": "staged"}, 10, "ray"),
        ({"runner": "ray"}, 10, "ray"),
        ({"runner": "local"}, 10**6, "local"),
    ],
)
def test_jobs_on_the_cpus_of_one_machine_do_without_ray(
    settings: dict, n_faces: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "might_use_gpu", lambda device: False)
    assert choose_runner(job(**settings), n_faces) == expected


@pytest.mark.usefixtures("no_ray")
def test_a_large_job_beside_a_gpu_has_the_pools_of_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "might_use_gpu", lambda device: device != "cpu")
    assert choose_runner(job(), MOST_FACES_WITHOUT_POOLS) == "local"
    assert choose_runner(job(), MOST_FACES_WITHOUT_POOLS + 1) == "ray"
    assert choose_runner(JobConfig.model_validate({"pose": {"device": "cpu"}}), 10**6) == "local"


@pytest.mark.usefixtures("no_ray")
def test_without_ray_a_large_job_beside_a_gpu_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "might_use_gpu", lambda device: True)
    monkeypatch.setattr(runner, "ray_is_installed", lambda: False)
    assert choose_runner(job(), 10**6) == "local"
    assert choose_runner(job(runner="ray"), 10) == "ray"
    with pytest.raises(ResourceError, match=r"not installed: pip install.*engine.runner=local"):
        runner.require_ray()


@pytest.mark.usefixtures("no_ray")
def test_a_ray_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "here:1")  # as `ray job submit` sets it
    assert choose_runner(job(), 10) == "ray"
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    assert choose_runner(job(), 10) == "ray"


@pytest.mark.parametrize("settings", [{"address": "auto"}, {"layout": "staged"}])
def test_local_and_a_cluster_exclude_each_other(settings: dict) -> None:
    with pytest.raises(ValueError, match="runner=local has no cluster and no pools"):
        EngineSettings(runner="local", **settings)


def test_a_small_job_never_imports_ray(tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.jpg")
    (tmp_path / "list.txt").write_text("a.jpg," + ",".join(map(str, FACE_XYWH_PX)))
    code = f"""
        import sys
        from pipeline.cli.main import main
        main(["run", {str(tmp_path / "list.txt")!r}, {str(tmp_path / "out")!r}], standalone_mode=False)
        assert "ray" not in sys.modules
        assert "pandas" not in sys.modules
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 faces = 1 posed" in done.stdout
