"""Bootstrap intervals against what statistics say of them."""

import numpy as np
import pytest

from pipeline.evaluate.intervals import mean_interval, median_interval

RNG = np.random.default_rng(3)


def test_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    values = RNG.normal(5, 2, 400)
    low, high = mean_interval(values, np.arange(400))
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_interval_of_a_median_of_normal_numbers_is_wider_by_what_statistics_say():
    values = RNG.normal(5, 2, 4000)
    low, high = median_interval(values, np.arange(4000))
    # The standard error of the median is sqrt(pi / 2) that of the mean.
    expected = 2 * 1.96 * values.std() / np.sqrt(4000) * np.sqrt(np.pi / 2)
    assert low < np.median(values) < high
    assert high - low == pytest.approx(expected, rel=0.25)


def test_photos_of_one_person_count_as_one():
    values = np.repeat(RNG.normal(5, 2, 25), 16)
    alone = np.subtract(*mean_interval(values, np.arange(400)))
    together = np.subtract(*mean_interval(values, np.repeat(np.arange(25), 16)))
    assert together / alone == pytest.approx(4, rel=0.2)


def test_order_of_the_faces_and_missing_values_do_not_matter():
    values, people = RNG.normal(5, 2, 60), np.repeat(np.arange(20), 3)
    shuffled = RNG.permutation(60)
    expected = median_interval(values, people)
    assert median_interval(values[shuffled], people[shuffled]) == expected
    with_missing = np.append(values, [np.nan] * 3), np.append(people, [20, 20, 20])
    assert median_interval(*with_missing) == expected
    assert mean_interval(*with_missing) == mean_interval(values, people)


@pytest.mark.parametrize("interval", [mean_interval, median_interval])
def test_one_person_says_nothing_about_others(interval):
    assert interval(np.array([1.0, 2.0, 3.0]), np.zeros(3, int)) is None
    assert interval(np.array([np.nan, 2.0]), np.arange(2)) is None
    assert interval(np.array([1.0, 1.0]), np.arange(2)) == (1.0, 1.0)
