import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipeline.job_output import JobOutput, make_job_output


@pytest.fixture(scope="session")
def job_output(tmp_path_factory: pytest.TempPathFactory) -> JobOutput:
    """The output of a job, for tests that leave it as it is."""
    return make_job_output(tmp_path_factory.mktemp("job"))


@pytest.fixture
def own_output(job_output: JobOutput, tmp_path: Path) -> JobOutput:
    """A copy of the output, for tests that change it."""
    shutil.copytree(job_output.out, tmp_path / "out")
    return replace(job_output, out=tmp_path / "out")
