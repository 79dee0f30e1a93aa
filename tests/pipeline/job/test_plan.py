import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.job.plan import Plan, Segment, part_size

segments = st.lists(
    st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=4
)


def _plan(drawn: list[tuple[int, int, int]]) -> Plan:
    """Segments of so many rows, in parts of so many, each after the parts of some retries."""
    made: list[Segment] = []
    row = part = 0
    for n, (rows, size, retries) in enumerate(drawn):
        made.append(Segment(row, rows, part, size, f"fingerprint {n}"))
        row, part = row + rows, part + made[-1].n_parts + retries
    return Plan(tuple(made))


@given(segments)
def test_every_row_is_in_one_part_and_every_part_is_found_by_row_and_number(
    drawn: list[tuple[int, int, int]],
) -> None:
    plan = _plan(drawn)
    parts = list(plan.parts())
    assert [row for _, start, count in parts for row in range(start, start + count)] == list(
        range(plan.n_rows)
    )
    assert len(parts) == plan.n_parts == len({number for number, _, _ in parts})
    assert plan.starts() == [start for _, start, _ in parts]
    for index, (number, start, count) in enumerate(parts):
        assert plan.index_of_part(number) == index
        assert {plan.index_of_row(row) for row in range(start, start + count)} == {index}


@given(segments)
def test_parts_have_the_fingerprint_of_their_segment_and_retries_that_of_the_one_before(
    drawn: list[tuple[int, int, int]],
) -> None:
    plan = _plan(drawn)
    for n, segment in enumerate(plan.segments):
        last = segment.first_part + segment.n_parts + drawn[n][2]
        for part in range(segment.first_part, last):
            assert plan.fingerprint_of(part) == f"fingerprint {n}"
        for part in range(segment.first_part + segment.n_parts, last):
            assert plan.index_of_part(part) is None


def test_rows_beyond_the_plan_are_refused() -> None:
    plan = Plan((Segment(0, 10, 0, 4, ""),))
    for row in (-1, 10):
        with pytest.raises(ValueError, match="rows 0 to 9"):
            plan.index_of_row(row)


@pytest.mark.parametrize(
    ("rows", "size"), [(1, 16), (112, 16), (513, 17), (10_000, 313), (16_384, 512), (10**8, 512)]
)
def test_small_jobs_have_smaller_parts_and_a_size_that_is_set_is_kept(rows: int, size: int) -> None:
    assert part_size(rows, None) == size
    assert part_size(rows, 100) == 100
