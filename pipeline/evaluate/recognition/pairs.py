"""Faces, and which of them are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64
from numpy.typing import NDArray

from faceposenet.errors import FaceRejectedError
from faceposenet.photo.load import load_photo
from pipeline.evaluate.errors import DatasetError

MOST_PAIRS = 20_000_000


@dataclass(frozen=True, eq=False)
class FaceImage:
    """A face to compare. `box_xywh_px` is None where the pairs come without boxes."""

    name: str
    image: Path | bytes
    box_xywh_px: Float64[np.ndarray, " 4"] | None = None
    subject: str | None = None

    def read_photo(self) -> NDArray[np.uint8] | None:
        """Returns the photo, BGR and upright; None where it cannot be read or decoded."""
        try:
            return load_photo(self.image if isinstance(self.image, bytes) else str(self.image))
        except FaceRejectedError:
            return None


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of faces: `first[i]` and `second[i]` are of one person where `same[i]`.

    Attributes:
        kind: what they were read from, in words.
        faces: every face once.
        first: place in `faces`.
        second: place in `faces`.
        same: whether both are of one person.
        fold: number of the fold of each pair for cross-validation, or None where there are none.
        person: number of the person of each face, for intervals over people.

    Raises:
        DatasetError: no pair of one person, none of two, or all of one person.
    """

    kind: str
    faces: tuple[FaceImage, ...]
    first: Int64[np.ndarray, " n"]
    second: Int64[np.ndarray, " n"]
    same: Bool[np.ndarray, " n"]
    fold: Int64[np.ndarray, " n"] | None
    person: Int64[np.ndarray, " faces"]

    def __post_init__(self) -> None:
        if len(np.unique(self.person)) < 2:
            raise DatasetError(
                f"all {len(self.faces)} faces of {self.kind} are of one person; expected two people or more, "
                "or nobody can be taken for another"
            )
        genuine = int(self.same.sum())
        if genuine == 0:
            raise DatasetError(
                f"{self.kind} has no pair of one person among {len(self.same):,}; expected people with two "
                "photos or more"
            )
        if genuine == len(self.same):
            raise DatasetError(
                f"{self.kind} has no impostors: all {genuine:,} pairs are of one person; add pairs of two "
                "people"
            )

    def keep(self, good: Bool[np.ndarray, " faces"]) -> "Pairs":
        """Returns the pairs whose faces are both good; the faces stay as they are."""
        kept = good[self.first] & good[self.second]
        fold = None if self.fold is None else self.fold[kept]
        return Pairs(
            self.kind, self.faces, self.first[kept], self.second[kept], self.same[kept], fold, self.person
        )


def all_pairs(kind: str, faces: Sequence[FaceImage], groups: Sequence[str] | None = None) -> Pairs:
    """Compares every face with every other: the strong form of a test.

    Args:
        kind: what the faces were read from.
        faces: with their subjects.
        groups: of each face, such as `frontal` and `profile`; where given, only faces of different groups are
            compared.

    Raises:
        DatasetError: a face without a subject, more pairs than fit, or pairs that make no test.
    """
    nobody = sum(1 for face in faces if not face.subject)
    if nobody:
        raise DatasetError(
            f"{nobody:,} of {len(faces):,} faces of {kind} have no subject; all pairs need to know whose face"
            " each is"
        )
    person = np.unique([str(face.subject) for face in faces], return_inverse=True)[1].astype(np.int64)
    count = len(faces) * (len(faces) - 1) // 2
    if count > MOST_PAIRS:
        raise DatasetError(
            f"{len(faces):,} faces make {count:,} pairs, more than {MOST_PAIRS:,}; choose fewer faces, or "
            "give a table of pairs"
        )
    first, second = (side.astype(np.int64) for side in np.triu_indices(len(faces), 1))
    if groups is not None:
        group = np.unique(list(groups), return_inverse=True)[1]
        apart = group[first] != group[second]
        first, second = first[apart], second[apart]
        if not len(first):
            raise DatasetError(f"all faces of {kind} are of the group {groups[0]!r}; expected two groups")
    return Pairs(kind, tuple(faces), first, second, person[first] == person[second], None, person)


def people_of_pairs(
    count: int,
    first: Int[np.ndarray, " n"],
    second: Int[np.ndarray, " n"],
    same: Bool[np.ndarray, " n"],
) -> Int64[np.ndarray, " count"]:
    """Numbers the people of faces of which only pairs are known: faces that pairs of one person join.

    Args:
        count: faces.
        first: place of a face.
        second: place of a face.
        same: whether they are of one person.
    """
    parent = list(range(count))

    def root(face: int) -> int:
        while parent[face] != face:
            parent[face] = parent[parent[face]]
            face = parent[face]
        return face

    for a, b in zip(first[same].tolist(), second[same].tolist(), strict=True):
        parent[root(a)] = root(b)
    return np.unique([root(face) for face in range(count)], return_inverse=True)[1].astype(np.int64)
