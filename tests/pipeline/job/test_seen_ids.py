import numpy as np
import pytest

from pipeline.job.seen_ids import SeenIds


@pytest.mark.parametrize("held", [10**6, 100])
def test_sets_compare_alike_in_memory_and_in_files(held: int) -> None:
    rng = np.random.default_rng(1)
    posed = rng.integers(-(2**63), 2**63 - 1, 1000)
    first = np.concatenate([posed[:900], rng.integers(-(2**63), 2**63 - 1, 50)])
    with SeenIds(held) as seen:
        for at in range(0, 1000, 37):
            seen.add("posed", posed[at : at + 37])
            seen.add("first", first[at : at + 37])
        missing = [x for a, b in seen.buckets("posed", "first") for x in np.setdiff1d(a, b).tolist()]
        strange = [x for a, b in seen.buckets("posed", "first") for x in np.setdiff1d(b, a).tolist()]
        assert (seen.count("posed"), seen.count("first"), seen.count("none")) == (1000, 950, 0)
    assert sorted(missing) == sorted(posed[900:].tolist())
    assert sorted(strange) == sorted(first[900:].tolist())


def test_groups_without_ids_are_empty() -> None:
    with SeenIds() as seen:
        seen.add("posed", np.array([1, 2], np.int64))
        assert [(len(a), len(b)) for a, b in seen.buckets("posed", "rejected")] == [(2, 0)]
