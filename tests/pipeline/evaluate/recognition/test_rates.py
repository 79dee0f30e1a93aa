import numpy as np
import pytest

from pipeline.evaluate.recognition.rates import equal_error_rate, fold_accuracy, measurable, rank, tar_at


def normal_scores(shift: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(shift, 1, 20_000), rng.normal(0, 1, 20_000)])
    return scores, np.arange(40_000) < 20_000


def test_two_normal_distributions_have_the_known_rates() -> None:
    far, tar = rank(*normal_scores(2.0)).rates()
    # EER = Phi(-1); TAR at 1e-2 = Phi(2 - 2.3263).
    assert equal_error_rate(far, tar) == pytest.approx(0.1587, abs=0.005)
    assert tar_at(far, tar, 1e-2) == pytest.approx(0.3721, abs=0.02)


def test_scores_without_meaning() -> None:
    far, tar = rank(np.zeros(1000), np.arange(1000) < 500).rates()
    assert equal_error_rate(far, tar) == pytest.approx(0.5)
    assert tar_at(far, tar, 0.01) == 0.0


def test_perfect_scores() -> None:
    same = np.arange(100) < 50
    far, tar = rank(same.astype(float), same).rates()
    assert equal_error_rate(far, tar) == 0.0
    assert tar_at(far, tar, 0.0) == 1.0


def test_a_weight_is_as_good_as_repetition() -> None:
    scores, same = normal_scores(1.0)
    scores, same = scores[::200], same[::200]
    weight = np.random.default_rng(1).integers(0, 4, len(scores))
    weighted = rank(scores, same).rates(weight.astype(float))
    repeated = rank(np.repeat(scores, weight), np.repeat(same, weight)).rates()
    assert equal_error_rate(*weighted) == pytest.approx(equal_error_rate(*repeated))
    assert tar_at(*weighted, 0.1) == pytest.approx(tar_at(*repeated, 0.1))


def test_levels_need_ten_false_accepts() -> None:
    assert measurable(1e-3, 10_000)
    assert not measurable(1e-3, 9_999)


def test_accuracy_takes_its_threshold_from_the_other_folds() -> None:
    same = np.tile([True, False], 50)
    scores = np.where(same, 1.0, 0.0)
    fold = np.arange(100) // 10
    assert fold_accuracy(scores, same, fold) == 1.0
    scores[fold == 0] += 10.0  # all of one fold lies above the threshold of the others
    assert fold_accuracy(scores, same, fold) == pytest.approx(0.95)
