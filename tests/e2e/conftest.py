"""One Ray for all jobs of the tests: its start is the slowest part of a small job."""

from collections.abc import Iterator

import pytest
import ray

from pipeline.config.settings import EngineSettings
from pipeline.engine.ray.session import ray_session


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_metrics_report_interval_ms", "500")  # for test_metrics; 10 s otherwise
        with ray_session(EngineSettings(cpus=3)):
            yield
    assert not ray.is_initialized()
