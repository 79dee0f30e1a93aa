import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import StorageError
from pipeline.io.storage import Folder
from pipeline.report.content import Report
from pipeline.report.gather import REJECTS, gather
from pipeline.report.numbers import NO_CONFIDENCE
from tests.bad_input import write_cases
from tests.pipeline.job_output import JobOutput


def report_of(output: JobOutput) -> Report:
    return gather(Folder(str(output.out)))


@pytest.fixture(scope="module")
def report(job_output: JobOutput) -> Report:
    return report_of(job_output)


def test_counts_add_up_and_are_those_of_the_files(
    report: Report, job_output: JobOutput, tmp_path: Path
) -> None:
    counts = report.counts
    assert (counts.posed, counts.rejected, counts.missing) == (job_output.posed, job_output.rejected, 0)
    assert counts.faces == counts.posed + counts.rejected
    assert report.problems == ()
    expected: dict[str, int] = {}
    for case in write_cases(tmp_path):
        if case.reason:
            expected[case.reason] = expected.get(case.reason, 0) + 1
    assert {group.reason: group.faces for group in report.rejects} == expected
    assert [group.faces for group in report.rejects] == sorted(expected.values(), reverse=True)
    assert all(len(group.cards) == min(group.faces, REJECTS) for group in report.rejects)


def test_faces_are_all_there_and_extremes_in_their_order(report: Report, job_output: JobOutput) -> None:
    assert len(report.faces) == job_output.posed
    assert all([view.name for view in face.views] == ["0", "40"] for face in report.faces)
    yaw, pitch, confidence = report.extremes
    for extreme, angle in ((yaw, "yaw_deg"), (pitch, "pitch_deg")):
        values = [abs(getattr(face, angle)) for face in extreme.faces]
        assert values == sorted(values, reverse=True)
    least = [face.confidence for face in confidence.faces]
    assert least == sorted(least)
    assert NO_CONFIDENCE not in report.remarks
    assert [chart.title for chart in report.charts] == [
        "Yaw",
        "Pitch",
        "Roll",
        "Yaw and pitch",
        "Boxes",
        "Confidence",
        "Throughput",
    ]


def test_a_network_that_tells_no_confidence(own_output: JobOutput) -> None:
    for path in (own_output.out / "poses").iterdir():
        table = pq.read_table(path)
        column = table.schema.get_field_index("confidence")
        none = pa.nulls(len(table), pa.float32())
        pq.write_table(table.set_column(column, table.schema.field(column), none), path)
    report = report_of(own_output)
    assert "Confidence" not in [chart.title for chart in report.charts]
    assert (report.extremes[2].faces, report.extremes[2].why_none) == ((), NO_CONFIDENCE)
    assert NO_CONFIDENCE in report.remarks


def test_confidence_where_the_network_tells_it(own_output: JobOutput) -> None:
    for path in (own_output.out / "poses").iterdir():
        table = pq.read_table(path)
        column = table.schema.get_field_index("confidence")
        values = pa.array(np.linspace(0.5, 0.9, len(table)), pa.float32())
        pq.write_table(table.set_column(column, table.schema.field(column), values), path)
    report = report_of(own_output)
    assert "Confidence" in [chart.title for chart in report.charts]
    assert NO_CONFIDENCE not in report.remarks
    least = [face.confidence for face in report.extremes[2].faces]
    assert least[0] == 0.5 and least == sorted(least)


def test_an_unfinished_job_says_so(own_output: JobOutput) -> None:
    entry = json.loads((own_output.out / "_ledger" / "part-000001.json").read_text())
    (own_output.out / "_ledger" / "part-000001.json").unlink()
    report = report_of(own_output)
    assert report.counts.missing == entry["rows"]
    assert report.counts.faces == report.counts.posed + report.counts.rejected + report.counts.missing
    assert "not done" in report.problems[0]


def test_files_that_disagree_with_the_ledger_are_told(own_output: JobOutput) -> None:
    path = own_output.out / "rejects" / "part-000001.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    assert any("fpn verify" in problem for problem in report_of(own_output).problems)


def test_a_job_without_a_posed_face_or_views(own_output: JobOutput) -> None:
    shutil.rmtree(own_output.out / "views")
    for path in (own_output.out / "poses").iterdir():
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    report = report_of(own_output)
    assert (report.faces, report.views, report.counts.posed) == ((), (), 0)
    assert [extreme.why_none for extreme in report.extremes[:2]] == ["No face was posed."] * 2


def test_settings_that_differ_from_the_defaults_stand_out(report: Report, job_output: JobOutput) -> None:
    changed = {(section, name) for section, rows in report.settings for name, _, other in rows if other}
    assert changed == {
        ("output", "faces_per_part"), ("render", "size_px"), ("render", "views_deg"),
        ("render", "view_policy"), ("engine", "cpus"),
    }  # fmt: skip
    identity = dict(report.identity)
    assert identity["fingerprint"] == json.loads((job_output.out / "_job.json").read_text())["fingerprint"]
    assert identity["manifest"] == str(job_output.manifest)


def test_a_folder_that_is_no_output_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not an output of fpn run"):
        gather(Folder(str(tmp_path)))
