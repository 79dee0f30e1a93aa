"""A small share of what benchmarks/stress/fuzz_inputs.py runs."""

from pathlib import Path

from fuzz_inputs import fuzz_parquet, fuzz_records, fuzz_tars, fuzz_web


def test_damaged_tar_files_lose_no_face_in_silence(tmp_path: Path) -> None:
    found = fuzz_tars(120, 7, tmp_path)
    assert found.faults == []
    assert found.outcomes.total() == 120
    assert found.outcomes["refused"] > 40
    assert found.outcomes["read, none"] > 5


def test_damaged_records_lose_no_face_in_silence(tmp_path: Path) -> None:
    found = fuzz_records(200, 7, tmp_path)
    assert (found.faults, found.outcomes.total()) == ([], 200)


def test_answers_of_a_server_mean_what_they_say() -> None:
    found = fuzz_web(100, 7)
    assert found.faults == []
    assert set(found.outcomes) == {"read", "missing", "not given", "unavailable"}


def test_columns_of_all_types_are_carried(tmp_path: Path) -> None:
    found = fuzz_parquet(60, 7, tmp_path)
    assert (found.faults, found.outcomes) == ([], {"carried": 60})
