import numpy as np
import pytest

from pipeline.duplicates import similarity
from pipeline.duplicates.similarity import centre_similarity, most_alike_before


def vectors(count: int) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_blocks_find_what_all_pairs_do(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_BLOCK", block)
    rows = vectors(40)
    rows[5] = np.nan
    done: list[int] = []
    place, cosine = most_alike_before(rows, done.append)
    assert sum(done) == 40
    assert place[0] == place[5] == -1
    assert np.isnan(cosine[[0, 5]]).all()
    for i in [*range(1, 5), *range(6, 40)]:
        scores = rows[:i] @ rows[i]
        assert place[i] == np.nanargmax(scores)
        assert cosine[i] == pytest.approx(np.nanmax(scores), abs=1e-6)


def test_the_centre_is_that_of_the_others() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [np.nan, 0], [0, 1]], np.float32)
    found = centre_similarity(rows, np.array([0, 0, 0, 1, 0, -1]))
    # Of three: the two alike see one like them and one across; the third sees two across.
    np.testing.assert_allclose(found[:3], [np.sqrt(0.5), np.sqrt(0.5), 0.0], atol=1e-6)
    assert np.isnan(found[3:]).all()
