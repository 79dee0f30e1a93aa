"""Verification against the manifest; damaged outputs are in tests/e2e."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.io.storage import Folder
from pipeline.job.verify import verify
from tests.pipeline.job_output import JobOutput


@pytest.fixture
def manifest(own_output: JobOutput, tmp_path: Path) -> Path:
    """A copy of the job's manifest, for tests that change it."""
    return Path(shutil.copy(own_output.manifest, tmp_path / "copy.parquet"))


def test_the_ids_are_those_of_the_manifest(own_output: JobOutput, manifest: Path) -> None:
    out = Folder(str(own_output.out))
    assert (verify(out).problems, verify(out).compared) == ([], True)
    assert verify(out, manifest=str(manifest)).compared
    manifest.unlink()
    found = verify(out, manifest=str(manifest))
    assert (found.problems, found.compared) == ([], False)
    assert "there is no manifest" in found.why_not_compared


def test_a_manifest_that_has_changed_is_not_compared(own_output: JobOutput, manifest: Path) -> None:
    table = pq.read_table(manifest)
    pq.write_table(table.take(list(range(len(table)))[::-1]), manifest)
    found = verify(Folder(str(own_output.out)), manifest=str(manifest))
    assert not found.compared
    assert "has changed since the job" in found.why_not_compared
    pq.write_table(table.slice(1), manifest)
    found = verify(Folder(str(own_output.out)), manifest=str(manifest))
    assert "rows now, the job had" in found.why_not_compared


def test_faces_of_the_manifest_that_are_nowhere_are_a_problem(own_output: JobOutput, manifest: Path) -> None:
    """What a run would leave that read another file: the counts are right and the ids are not."""
    table = pq.read_table(manifest)
    ids = table["face_id"].to_pylist()
    pq.write_table(table.set_column(0, "face_id", [[f"{ids[0]} changed", *ids[1:]]]), manifest)
    path = own_output.out / "_job.json"
    job = json.loads(path.read_text())
    job["manifest_files"] = [[manifest.stat().st_size, manifest.stat().st_mtime_ns]]
    path.write_text(json.dumps(job))
    problems = verify(Folder(str(own_output.out)), manifest=str(manifest)).problems
    assert len(problems) == 2
    assert problems[0].startswith("1 faces of the manifest are neither posed nor rejected, for instance 'g")
    assert problems[1] == "1 faces in the results are not in the manifest"


def test_a_sample_reads_some_parts_and_compares_the_sizes_of_the_others(own_output: JobOutput) -> None:
    out = Folder(str(own_output.out))
    whole = verify(out)
    for share, read in ((1.0, whole.parts), (0.5, (whole.parts + 1) // 2), (0.0, 0)):
        found = verify(out, sample=share)
        assert (found.problems, found.parts, found.parts_read) == ([], whole.parts, read)
        counts = (found.faces, found.posed, found.rejected, found.views)
        assert counts == (whole.faces, whole.posed, whole.rejected, whole.views)
        assert found.compared == (share == 1)
    shard = next((own_output.out / "views").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1])
    assert any("were written" in problem for problem in verify(out, sample=0.0).problems)


def test_an_id_in_two_outputs_is_said(own_output: JobOutput, job_output: JobOutput) -> None:
    both = CliRunner().invoke(main, ["verify", str(own_output.out), str(job_output.out)])
    faces = own_output.posed + own_output.rejected
    assert both.exit_code == 3
    assert f"{faces:,} face ids stand in more than one of the outputs" in both.output
    record = CliRunner().invoke(main, ["verify", str(own_output.out), str(job_output.out), "--json"])
    assert json.loads(record.output)["ids_in_two_outputs"] == faces


def test_the_command_says_what_was_not_read(own_output: JobOutput) -> None:
    quick = CliRunner().invoke(main, ["verify", str(own_output.out), "--quick"])
    assert "0 parts were read; of the others only counts and sizes were compared" in quick.output
    assert quick.exit_code == 0
    assert CliRunner().invoke(main, ["verify", str(own_output.out), "--sample", "1%"]).exit_code == 0
    for wrong in ("0", "101%", "some"):
        refused = CliRunner().invoke(main, ["verify", str(own_output.out), "--sample", wrong])
        assert refused.exit_code == 2
        assert "is no share: expected for instance 1% or 0.01" in refused.output
