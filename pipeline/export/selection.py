"""What is left of an index: subjects with enough faces, pictures of all yaws, a split for validation."""

from dataclasses import replace

import numpy as np

from pipeline.errors import ConfigError
from pipeline.export.index import ViewIndex
from pipeline.export.order import scattered
from pipeline.export.where import ALIGNED

BIN_DEG = 15.0


def restrict(index: ViewIndex, keep: np.ndarray) -> ViewIndex:
    """An index of some views alone, its faces and subjects numbered anew.

    Args:
        index: the views.
        keep: bool, True per view to keep.
    """
    face = np.asarray(index.face)[keep]
    faces = np.unique(face)
    subject = np.asarray(index.face_subject)[faces]
    labels = np.unique(subject[subject >= 0])
    renumbered = np.where(subject >= 0, np.searchsorted(labels, subject), -1).astype(np.int32)
    return replace(
        index,
        shard=np.asarray(index.shard)[keep],
        span=np.asarray(index.span)[keep],
        name=np.asarray(index.name)[keep],
        face=np.searchsorted(faces, face).astype(np.int32),
        face_span=np.asarray(index.face_span)[faces],
        face_subject=renumbered,
        face_mirrored=np.asarray(index.face_mirrored)[faces],
        face_yaw_deg=np.asarray(index.face_yaw_deg)[faces],
        weight=None if index.weight is None else index.weight[keep],
        subjects=tuple(index.subjects[label] for label in labels),
    )


def with_min_images(index: ViewIndex, least: int) -> ViewIndex:
    """The views of subjects with at least so many faces."""
    subject = np.asarray(index.face_subject)
    counts = np.bincount(subject[subject >= 0], minlength=len(index.subjects))
    enough = (subject >= 0) & (counts[np.maximum(subject, 0)] >= least)
    return restrict(index, enough[index.face])


def shown_yaw_deg(index: ViewIndex) -> np.ndarray:
    """float64 (n,): the |yaw| that each picture shows: the view's own, the photo's for upright crops."""
    of_name = np.array([np.nan if name == ALIGNED else abs(float(name)) for name in index.names])
    yaw_deg = of_name[index.name]
    of_photo = np.abs(np.asarray(index.face_yaw_deg)[index.face])
    return np.asarray(np.where(np.isnan(yaw_deg), of_photo, yaw_deg))


def weighted_by_yaw(index: ViewIndex) -> ViewIndex:
    """The index with a weight per picture, of mean 1, that gives every bin of 15 degrees the same sum."""
    number = _bins(index)
    counts = np.bincount(number)
    share = len(number) / (np.count_nonzero(counts) * counts[number])
    return replace(index, weight=share.astype(np.float32))


def sampled_by_yaw(index: ViewIndex, seed: int) -> ViewIndex:
    """As many pictures of every bin of 15 degrees as the emptiest that has any, drawn by the seed."""
    number = _bins(index)
    counts = np.bincount(number)
    least = counts[counts > 0].min()
    order = np.lexsort((scattered(np.arange(len(number)), seed), number))
    starts = np.searchsorted(number[order], np.arange(len(counts)))
    place = np.arange(len(number)) - starts[number[order]]
    keep = np.zeros(len(number), dtype=bool)
    keep[order[place < least]] = True
    return restrict(index, keep)


def _bins(index: ViewIndex) -> np.ndarray:
    return (shown_yaw_deg(index) // BIN_DEG).astype(np.int64)


def split_by_subject(index: ViewIndex, share: float, seed: int) -> dict[str, ViewIndex]:
    """`train` and `val`, of whose subjects none is in both; `share` of the subjects are in `val`.

    Raises:
        ConfigError: one of them would be empty, or there are faces of nobody.
    """
    subjects = len(index.subjects)
    count = round(share * subjects)
    if not 0 < count < subjects:
        raise ConfigError(
            f"--val {share:g} of {subjects:,} subjects leaves {'train' if count else 'val'} without any; "
            "choose another share, or export more subjects"
        )
    chosen = np.zeros(subjects + 1, dtype=bool)  # the last place is that of faces of nobody: train
    chosen[np.argsort(scattered(np.arange(subjects), seed), kind="stable")[:count]] = True
    of_val = chosen[np.asarray(index.face_subject)[index.face]]
    return {"train": restrict(index, ~of_val), "val": restrict(index, of_val)}
