import pytest

from pipeline.bench.whole_job import steady_parts


@pytest.mark.parametrize(
    ("parts", "workers", "expected"),
    [
        (10, 1, (0, 9)),  # between the first commit and the last
        (10, 2, (1, 8)),  # the second worker is there, and the first has not run out of work
        (12, 4, (3, 8)),
    ],
)
def test_workers_are_busy_between_their_first_parts_and_their_last(
    parts: int, workers: int, expected: tuple[int, int]
) -> None:
    assert steady_parts(parts, workers) == expected


def test_too_few_parts_are_told() -> None:
    with pytest.raises(ValueError, match="3 parts are too few for 2 workers; expected at least 4"):
        steady_parts(3, 2)
