from collections import Counter
from dataclasses import replace

import numpy as np

from pipeline.export.index import ViewIndex, Wanted, index_views
from pipeline.export.order import cut, ordered
from pipeline.io.storage import Folder


def subjects_of(index: ViewIndex, places: np.ndarray) -> list[int]:
    return [int(label) for label in index.face_subject[index.face[places]]]


def test_orders_hold_every_view_once(job: Folder) -> None:
    index = index_views(job, Wanted(by="subject_id"))
    every = list(range(26))
    assert ordered(index, "job", 0).tolist() == every
    for order in ("shuffled", "subject"):
        assert sorted(ordered(index, order, 0).tolist()) == every
    by_subject = subjects_of(index, ordered(index, "subject", 0))
    assert by_subject == sorted(by_subject)


def split_mix(number: int, seed: int) -> int:
    """SplitMix64, of its state `seed` times its first multiplier, after `number` + 1 steps."""
    z = (seed * 0xBF58476D1CE4E5B9 + (number + 1) * 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def test_a_seed_gives_the_same_order_for_ever(job: Folder) -> None:
    assert split_mix(0, 0) == 0xE220A8397B1DCDAF  # the generator's first number, as published
    index = index_views(job, Wanted())
    for seed in (0, 1, 2**63):
        expected = sorted(range(26), key=lambda place, seed=seed: split_mix(place, seed))
        assert ordered(index, "shuffled", seed).tolist() == expected
    assert ordered(index, "shuffled", -1).tolist() == ordered(index, "shuffled", 2**64 - 1).tolist()


def test_shuffling_is_fair(job: Folder) -> None:
    """Over many seeds every view comes first about as often: 26 views, 2,600 seeds, so 100 times each."""
    index = index_views(job, Wanted())
    first = Counter(int(ordered(index, "shuffled", seed)[0]) for seed in range(2600))
    assert len(first) == 26
    # The binomial's deviation is 9.8; five of them.
    assert max(abs(count - 100) for count in first.values()) < 49


def test_shards_of_a_size(job: Folder) -> None:
    index = index_views(job, Wanted())
    places = ordered(index, "shuffled", 3)
    shards = cut(index, places, 10, "shuffled")
    assert [len(shard) for shard in shards] == [10, 10, 6]
    assert np.concatenate(shards).tolist() == places.tolist()


def test_no_subject_is_in_two_shards(job: Folder) -> None:
    index = index_views(job, Wanted(by="subject_id"))
    places = ordered(index, "subject", 0)
    for size in (1, 4, 7, 100):
        shards = cut(index, places, size, "subject")
        assert np.concatenate(shards).tolist() == places.tolist()
        seen = [set(subjects_of(index, shard)) for shard in shards]
        assert sum(map(len, seen)) == 5
        assert all(len(shard) >= size for shard in shards[:-1])
    assert len(cut(index, places, 1, "subject")) == 5


def test_nothing_is_no_shard(job: Folder) -> None:
    index = index_views(job, Wanted(by="subject_id"))
    nothing = replace(index, shard=index.shard[:0], face=index.face[:0])
    assert cut(nothing, np.zeros(0, np.int64), 5, "subject") == []
