from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.recognition.pairs import FaceImage, Pairs, all_pairs, people_of_pairs


def faces(*subjects: str | None) -> list[FaceImage]:
    return [FaceImage(str(i), Path(f"{i}.jpg"), subject=subject) for i, subject in enumerate(subjects)]


def test_all_pairs_of_all_faces() -> None:
    pairs = all_pairs("test", faces("a", "b", "a", "c"))
    assert len(pairs.same) == 6
    assert [
        (int(i), int(j)) for i, j in zip(pairs.first[pairs.same], pairs.second[pairs.same], strict=True)
    ] == [(0, 2)]


def test_only_pairs_of_different_groups() -> None:
    pairs = all_pairs("test", faces("a", "a", "b", "b"), ["front", "side", "front", "side"])
    ends = {(int(i), int(j)) for i, j in zip(pairs.first, pairs.second, strict=True)}
    assert ends == {(0, 1), (0, 3), (1, 2), (2, 3)}


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        (("a", "a", "a"), "all 3 faces of test are of one person"),
        (("a", "b", "c"), "no pair of one person among 3"),
        (("a", None, "a"), "1 of 3 faces of test have no subject"),
    ],
)
def test_faces_that_make_no_test(subjects: tuple[str | None, ...], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        all_pairs("test", faces(*subjects))


def test_pairs_without_impostors_are_refused() -> None:
    first, second = np.array([0, 2]), np.array([1, 3])
    with pytest.raises(DatasetError, match="has no impostors: all 2 pairs"):
        Pairs(
            "test",
            tuple(faces(*"aabb")),
            first,
            second,
            np.array([True, True]),
            None,
            np.array([0, 0, 1, 1]),
        )


def test_people_are_what_pairs_of_one_person_join() -> None:
    first, second = np.array([0, 1, 3]), np.array([1, 2, 4])
    people = people_of_pairs(6, first, second, np.array([True, True, False]))
    assert people[0] == people[1] == people[2]
    assert len(set(people.tolist())) == 4
