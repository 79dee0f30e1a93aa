from pathlib import Path

import pytest

from pipeline.engine import machine
from pipeline.engine.machine import describe_machine, usable_cpus


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000\n", 8), ("150000 100000\n", 1), ("400000 100000\n", 4), ("", 8)]
)
def test_a_containers_quota_counts_as_well_as_the_affinity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert usable_cpus() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1\n", 8), ("250000\n", 2), ("50000\n", 1), ("x", 8)])
def test_a_quota_of_version_1_of_control_groups_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert usable_cpus() == expected


def test_the_description_names_processor_and_versions() -> None:
    described = describe_machine()
    assert described["cpus"] == usable_cpus() >= 1
    assert described["processor"]
    assert {"python", "numpy", "onnxruntime", "opencv", "pyarrow", "ray"} <= set(described)
