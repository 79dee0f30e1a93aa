import numpy as np
import pytest

from pipeline.report.tally import Histogram, Place, Smallest

RNG = np.random.default_rng(0)


def test_batches_give_the_counts_of_all_values_at_once() -> None:
    values = RNG.normal(3, 20, 5000)
    histogram = Histogram(0.125)
    for batch in np.array_split(values, 37):
        histogram.add(batch)
    counts, edges = histogram.rebinned(5)
    expected, _ = np.histogram(values, edges)
    np.testing.assert_array_equal(counts, expected)
    assert np.diff(edges) == pytest.approx(5)
    assert (histogram.total, histogram.least, histogram.greatest) == (5000, values.min(), values.max())


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_quantiles_are_right_to_a_bin(share: float) -> None:
    values = RNG.normal(-7, 20, 5000)
    histogram = Histogram(0.125)
    histogram.add(values)
    assert histogram.quantile(share) == pytest.approx(
        np.quantile(values, share, method="inverted_cdf"), abs=0.125
    )


def test_bins_widen_so_that_any_range_fits() -> None:
    values = np.concatenate([RNG.random(1000), [-3.0, 1e7]])
    histogram = Histogram(1 / 2048)
    histogram.add(values[:1000])
    histogram.add(values[1000:])
    assert histogram.total == 1002
    assert len(histogram.counts) <= 4096
    edges = (histogram.first + np.arange(len(histogram.counts) + 1)) * histogram.width
    np.testing.assert_array_equal(histogram.counts, np.histogram(values, edges)[0])


def test_values_that_are_not_finite_are_not_counted() -> None:
    histogram = Histogram(1.0)
    histogram.add(np.array([np.nan, np.inf, 2.0]))
    assert histogram.total == 1
    with pytest.raises(ValueError, match="no values"):
        Histogram(1.0).quantile(0.5)


def test_the_smallest_are_found_whatever_the_order_of_the_parts() -> None:
    scores = {part: RNG.random(50) for part in range(9)}
    expected = sorted((score, part, i) for part, row in scores.items() for i, score in enumerate(row))[:7]

    def found(parts: list[int]) -> list[Place]:
        smallest = Smallest(7)
        for part in parts:
            for half in (np.arange(25), np.arange(25, 50)):
                smallest.add(scores[part][half], part, half)
        return smallest.places

    assert found(list(range(9))) == found([5, 8, 0, 3, 1, 7, 2, 6, 4])
    assert found(list(range(9))) == [Place(part, i) for _, part, i in expected]


def test_scores_that_are_no_number_are_never_chosen() -> None:
    smallest = Smallest(3)
    smallest.add(np.array([np.nan, 2.0, 1.0]), 4, np.arange(3))
    assert smallest.places == [Place(4, 2), Place(4, 1)]
