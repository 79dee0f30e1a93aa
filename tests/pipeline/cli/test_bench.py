import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.bench import kernels, measure
from pipeline.cli.main import main

SMALL = ("--set", "render.size_px=64", "--set", "pose.batch_size=4", "--rounds", "2", "--actors", "1,2")


def invoke(*arguments: object):
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "PART_FACES", 4)
    monkeypatch.setattr(kernels, "SAMPLE_FACES", 4)
    monkeypatch.setattr(measure, "_ACTOR_SECONDS", 0.2)


@pytest.mark.usefixtures("small_parts")
def test_one_command_measures_kernels_loop_job_and_poses(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    result = invoke(
        *SMALL, *("--faces", 12, "--cpus", 1, "--runner", "local", "--cost"), "--out", out, "--device", "auto"
    )
    assert result.exit_code == 0, result.output
    for said in ("all kernels", "one process, the stages alone", "job on 1 CPUs, without Ray", "2 actors"):
        assert said in result.output
    record = json.loads(out.read_text())
    assert list(record["kernels_ms"]) == [
        *("read", "decode", "crop", "source window", "network"),
        *("views", "encode", "part files", "write"),
    ]
    total = sum(kernel["median"] for kernel in record["kernels_ms"].values())
    assert record["kernels_sum_ms"] == pytest.approx(total)
    assert list(record["each_view_ms"]) == ["0", "22", "40", "55", "75"]
    (job,) = record["jobs"]
    assert (job["faces"], job["cpus"], job["runner"]) == (12, 1, "local")
    assert job["efficiency"] == pytest.approx(total / 1000 * job["faces_per_s"])
    assert record["machine"]["cpus"] >= 1
    assert len(record["cost"]["jobs"]) == 8

    again = invoke("--cost", "--from", out)
    assert again.exit_code == 0
    assert "100,000,000 faces" in again.output


@pytest.mark.usefixtures("small_parts")
def test_json_alone_goes_to_scripts() -> None:
    result = invoke(*SMALL, "--faces", 4, "--runner", "none", "--json")
    assert json.loads(result.stdout)["jobs"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--faces", 100, "--cpus", 2), "expected at least 768"),
        (("--cpus", "two"), "--cpus takes whole numbers above 0"),
        (("--cpus", "0"), "--cpus takes whole numbers above 0"),
        (("--from", "b.json"), "--from goes with --cost"),
    ],
)
def test_what_cannot_be_measured_is_told(arguments: tuple, said: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code != 0
    assert said in result.output
