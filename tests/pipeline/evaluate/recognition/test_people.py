import numpy as np
import pytest

from pipeline.evaluate.recognition.pairs import Pairs, all_pairs
from pipeline.evaluate.recognition.people import difference, intervals, weights_of_people
from tests.pipeline.evaluate.recognition.test_pairs import faces


@pytest.fixture
def pairs() -> Pairs:
    return all_pairs("test", faces(*(subject for subject in "abcdefgh" for _ in range(3))))


def test_pairs_count_as_often_as_their_people_are_drawn(pairs: Pairs) -> None:
    for number, weight in enumerate(weights_of_people(pairs)):
        # Three pairs of one person per person drawn, eight people drawn.
        assert weight[pairs.same].sum() == 24
        if number == 20:
            break
    assert set(np.unique(weight)) > {0.0, 1.0}


def test_the_same_measure_does_not_differ_from_itself(pairs: Pairs) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(pairs.same))

    def mean(weight: np.ndarray | None) -> float:
        return float(np.average(noise, weights=weight))

    found = intervals(pairs, {"one": mean, "other": mean, "more": lambda weight: mean(weight) + 1})
    assert found["one"][0].low < found["one"][0].value < found["one"][0].high
    assert (difference(found["one"], found["other"]).low, difference(found["one"], found["other"]).high) == (
        0,
        0,
    )
    more = difference(found["more"], found["one"])
    assert (more.low, more.value, more.high) == pytest.approx((1, 1, 1))
