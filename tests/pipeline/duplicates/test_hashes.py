import cv2
import numpy as np

from pipeline.duplicates.hashes import MOST_BITS, difference_hash, same_pictures
from tests.photos import portrait


def bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_compression_scale_and_light_leave_the_hash() -> None:
    picture = portrait()
    plain = difference_hash(picture)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    assert jpeg is not None
    assert bits(plain, difference_hash(np.asarray(jpeg, np.uint8))) <= MOST_BITS
    small = np.asarray(cv2.resize(picture, (112, 112), interpolation=cv2.INTER_AREA), np.uint8)
    assert bits(plain, difference_hash(small)) <= MOST_BITS
    assert bits(plain, difference_hash(picture // 2)) <= MOST_BITS


def test_other_pictures_are_far() -> None:
    picture = portrait()
    assert bits(difference_hash(picture), difference_hash(np.ascontiguousarray(picture[:, ::-1]))) > 20


def test_groups_are_those_of_all_pairs() -> None:
    """Against a search of all pairs, with pictures planted near others."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 300, dtype=np.uint64)
    for copy in range(250, 300):
        flips = rng.choice(64, int(rng.integers(0, 6)), replace=False)
        hashes[copy] = hashes[copy - 250] ^ np.uint64(sum(1 << int(bit) for bit in flips))
    found = same_pictures(hashes)
    expected = np.arange(300)
    for copy in range(250, 300):
        if bits(int(hashes[copy]), int(hashes[copy - 250])) <= MOST_BITS:
            expected[copy] = copy - 250
    np.testing.assert_array_equal(found, expected)
    assert 0 < (found != np.arange(300)).sum() < 50


def test_a_thousand_copies_are_one_group() -> None:
    assert set(same_pictures(np.full(1000, 7, np.uint64)).tolist()) == {0}
    assert len(same_pictures(np.zeros(0, np.uint64))) == 0
