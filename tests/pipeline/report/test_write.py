import uuid
from pathlib import Path

import fsspec
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.errors import StorageError
from pipeline.report.write import write_report
from tests.pipeline.job_output import JobOutput


def test_output_and_report_may_lie_in_a_store(job_output: JobOutput) -> None:
    store = fsspec.filesystem("memory")
    location = f"memory://{uuid.uuid4().hex}/out"
    store.put(str(job_output.out), location, recursive=True)
    assert write_report(location) == f"{location}/report.html"
    page = store.cat(f"{location}/report.html").decode()
    assert f"<b>{job_output.posed}</b> posed + <b>{job_output.rejected}</b> rejected" in page
    assert page.count("data:image/webp") > 3 * job_output.posed


def test_the_command_says_where_the_page_is(job_output: JobOutput, tmp_path: Path) -> None:
    to = tmp_path / "new" / "page.html"
    result = CliRunner().invoke(main, ["report", str(job_output.out), "--to", str(to), "--faces", "2"])
    assert (result.exit_code, result.output) == (0, f"report: {to}\n")
    assert "2 of 6 posed faces, drawn at random with the seed 0" in to.read_text()
    assert not (job_output.out / "report.html").exists()


def test_a_place_that_cannot_be_written_is_told(job_output: JobOutput, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write 'page\.html'"):
        write_report(str(job_output.out), str(tmp_path / "file" / "page.html"), faces=0)
