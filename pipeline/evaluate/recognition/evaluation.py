"""Recognition by alignment: pairs through a user's network, then rates with intervals over people."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pipeline.columns.network import FaceNetwork
from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.recognition.alignments import Aligner, Alignment
from pipeline.evaluate.recognition.conditions import Condition
from pipeline.evaluate.recognition.embeddings import Boxes, Embedded, Kept, digest_of_faces, embed
from pipeline.evaluate.recognition.pairs import Pairs
from pipeline.evaluate.recognition.people import Estimate, difference, intervals
from pipeline.evaluate.recognition.rates import (
    FAR_LEVELS,
    Ranked,
    equal_error_rate,
    fold_accuracy,
    measurable,
    rank,
    tar_at,
)

AS_THEY_ARE: Condition = "as they are"
YAW_BINS_DEG = ((0.0, 20.0), (20.0, 45.0), (45.0, 181.0))
# Fewer pairs of one person make a rate of a bin meaningless.
_LEAST_GENUINE = 20


@dataclass(frozen=True)
class BinRates:
    """Rates of the pairs whose more turned face lies in a bin of |yaw|, in percent."""

    genuine: int
    impostors: int
    eer: float
    tar: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class AlignmentScores:
    """Rates of one alignment under one condition, in percent.

    Attributes:
        eer: equal error rate.
        tar: true accept rate by false accept rate, of those that can be measured.
        accuracy: mean accuracy over the folds of the pairs; None where they have none.
        eer_difference: to the first alignment, on the same replicates; None for the first itself.
        by_yaw: rates by bin, by its name.
        fallback_percent: faces that the alignment has no crop of; they are scored by their box.
        curve: false and true accept rates at all thresholds.
        scores: of the pairs.
    """

    eer: Estimate
    tar: Mapping[str, Estimate]
    accuracy: float | None
    eer_difference: Estimate | None
    by_yaw: Mapping[str, BinRates]
    fallback_percent: float
    curve: tuple[NDArray[np.float64], NDArray[np.float64]]
    scores: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recognition:
    """All that was measured.

    Attributes:
        pairs: those whose photos could be read.
        network: name of the embedding's file.
        licence: its terms, as its description says.
        results: by condition and alignment.
        unreadable: faces without a readable photo or box.
        dropped_pairs: pairs left out with them.
        refused: false accept rates for which there are too few impostors.
    """

    pairs: Pairs
    network: str
    licence: str
    sha256: str
    results: Mapping[Condition, Mapping[Alignment, AlignmentScores]]
    unreadable: tuple[str, ...]
    dropped_pairs: int
    refused: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """All but curves and scores, for json.dumps."""
        return {
            "pairs": self.pairs.kind,
            "faces": len(self.pairs.faces),
            "people": len(np.unique(self.pairs.person)),
            "genuine": int(self.pairs.same.sum()),
            "impostors": int((~self.pairs.same).sum()),
            "unreadable": list(self.unreadable),
            "dropped_pairs": self.dropped_pairs,
            "network": self.network,
            "sha256": self.sha256,
            "licence": self.licence,
            "refused_far": list(self.refused),
            "percent": {
                condition: {name: _plain(scores) for name, scores in by_alignment.items()}
                for condition, by_alignment in self.results.items()
            },
        }


def _plain(scores: AlignmentScores) -> dict[str, Any]:
    return {
        "eer": asdict(scores.eer),
        "tar": {level: asdict(estimate) for level, estimate in scores.tar.items()},
        "accuracy": scores.accuracy,
        "eer_difference": None if scores.eer_difference is None else asdict(scores.eer_difference),
        "by_yaw": {name: asdict(rates) for name, rates in scores.by_yaw.items()},
        "fallback_percent": scores.fallback_percent,
    }


def evaluate_recognition(
    pairs: Pairs,
    alignments: Sequence[Alignment],
    conditions: Sequence[Condition],
    aligner: Aligner,
    network: FaceNetwork,
    boxes: Boxes,
    *,
    keep: Path | None = None,
    detector: Path | None = None,
    advance: Callable[[int], object] = lambda faces: None,
) -> Recognition:
    """Compares the pairs in every alignment under every condition.

    In every condition but the first, the second face of each pair is the worse one: a photo as it is against
    a bad one.

    Args:
        pairs: faces and pairs.
        alignments: differences are to the first.
        conditions: ways to make photos worse.
        aligner: makes the crops.
        network: the embedding.
        boxes: boxes of faces without.
        keep: folder for embeddings; None keeps none.
        detector: file of the detector, on which what is kept depends.
        advance: is called with the number of faces done since.

    Raises:
        DatasetError: no face has a photo and a box, or what is left makes no test.
    """
    kept = Kept(keep, _common(pairs, aligner, network, boxes, detector))
    everyone = range(len(pairs.faces))
    plain = _embedded(pairs, everyone, alignments, AS_THEY_ARE, aligner, network, boxes, kept, advance)
    good = np.isfinite(plain[alignments[0]].vectors).all(axis=1)
    if not good.any():
        raise DatasetError(
            f"none of {len(good):,} faces of {pairs.kind} has a readable photo and a box; are the photos "
            "there? Faces without boxes need --detector or --box"
        )
    used = pairs.keep(good)
    impostors = int((~used.same).sum())
    levels = [level for level in FAR_LEVELS if measurable(level, impostors)]
    results = {}
    for condition in conditions:
        worse = plain
        if condition != AS_THEY_ARE:
            second = np.unique(used.second).tolist()
            worse = _embedded(pairs, second, alignments, condition, aligner, network, boxes, kept, advance)
        results[condition] = _scored(used, plain, worse, network.description.distance, levels)
    return Recognition(
        pairs=used,
        network=Path(network.description.file).name,
        licence=network.description.licence,
        sha256=network.sha256,
        results=results,
        unreadable=tuple(face.name for face, fine in zip(pairs.faces, good, strict=True) if not fine),
        dropped_pairs=len(pairs.same) - len(used.same),
        refused=tuple(level for level in FAR_LEVELS if level not in levels),
    )


def _common(
    pairs: Pairs, aligner: Aligner, network: FaceNetwork, boxes: Boxes, detector: Path | None
) -> dict[str, Any]:
    return {
        "faces": digest_of_faces(pairs.faces),
        "network": network.sha256,
        "description": network.description.model_dump(mode="json", exclude={"file", "licence"}),
        "pose": aligner.network.sha256,
        "detector": None if detector is None else hashlib.sha256(detector.read_bytes()).hexdigest(),
        "boxes": boxes.rule,
        "second": hashlib.sha256(np.unique(pairs.second).tobytes()).hexdigest(),
    }


def _embedded(
    pairs: Pairs,
    wanted: Sequence[int],
    alignments: Sequence[Alignment],
    condition: Condition,
    aligner: Aligner,
    network: FaceNetwork,
    boxes: Boxes,
    kept: Kept,
    advance: Callable[[int], object],
) -> dict[Alignment, Embedded]:
    found = {name: before for name in alignments if (before := kept.read(name, condition)) is not None}
    missing = [name for name in alignments if name not in found]
    if missing:
        made = embed(pairs.faces, wanted, missing, condition, aligner, network, boxes, advance)
        for name, embedded in made.items():
            kept.write(name, condition, embedded)
        found |= made
    else:
        advance(len(wanted))
    return {name: found[name] for name in alignments}


def _scored(
    pairs: Pairs,
    plain: Mapping[Alignment, Embedded],
    worse: Mapping[Alignment, Embedded],
    distance: str,
    levels: Sequence[float],
) -> dict[Alignment, AlignmentScores]:
    scores = {name: _similarity(pairs, plain[name], worse[name], distance) for name in plain}
    ranked = {name: rank(values, pairs.same) for name, values in scores.items()}
    measures: dict[str, Callable[[NDArray[np.float64] | None], float]] = {}
    for name, its in ranked.items():
        measures[f"{name} eer"] = partial(_eer, its)
        for level in levels:
            measures[f"{name} {level:g}"] = partial(_tar, its, level)
    found = intervals(pairs, measures)
    first = next(iter(plain))
    yaw_deg = np.fmax(np.abs(plain[first].yaw_deg[pairs.first]), np.abs(plain[first].yaw_deg[pairs.second]))
    return {
        name: AlignmentScores(
            eer=found[f"{name} eer"][0],
            tar={f"{level:g}": found[f"{name} {level:g}"][0] for level in levels},
            accuracy=None
            if pairs.fold is None
            else 100 * fold_accuracy(scores[name], pairs.same, pairs.fold),
            eer_difference=None if name == first else difference(found[f"{name} eer"], found[f"{first} eer"]),
            by_yaw=_by_yaw(scores[name], pairs.same, yaw_deg),
            fallback_percent=100 * _fallback_share(pairs, plain[name], worse[name]),
            curve=ranked[name].rates(),
            scores=scores[name],
        )
        for name in plain
    }


def _similarity(pairs: Pairs, plain: Embedded, worse: Embedded, distance: str) -> NDArray[np.float64]:
    """Larger for more alike."""
    scores = np.empty(len(pairs.same))
    step = 2**18
    for at in range(0, len(scores), step):
        first = plain.vectors[pairs.first[at : at + step]]
        second = worse.vectors[pairs.second[at : at + step]]
        if distance == "cosine":
            scores[at : at + step] = np.einsum("nd,nd->n", first, second)
        else:
            scores[at : at + step] = -np.linalg.norm(first - second, axis=1)
    return scores


def _fallback_share(pairs: Pairs, plain: Embedded, worse: Embedded) -> float:
    """Of the faces that the condition is about."""
    if plain is worse:
        rows = np.unique(np.concatenate([pairs.first, pairs.second]))
        return float(plain.fallback[rows].mean())
    return float(worse.fallback[np.unique(pairs.second)].mean())


def _eer(ranked: Ranked, weight: NDArray[np.float64] | None) -> float:
    return 100 * equal_error_rate(*ranked.rates(weight))


def _tar(ranked: Ranked, level: float, weight: NDArray[np.float64] | None) -> float:
    return 100 * tar_at(*ranked.rates(weight), level)


def _by_yaw(
    scores: Float64[np.ndarray, " n"], same: NDArray[np.bool_], yaw_deg: Float64[np.ndarray, " n"]
) -> dict[str, BinRates]:
    found = {}
    for low, high in YAW_BINS_DEG:
        inside = (yaw_deg >= low) & (yaw_deg < high)
        genuine, impostors = int(same[inside].sum()), int((~same[inside]).sum())
        if genuine >= _LEAST_GENUINE and measurable(FAR_LEVELS[0], impostors):
            rates = rank(scores[inside], same[inside]).rates()
            tar = {f"{f:g}": 100 * tar_at(*rates, f) for f in FAR_LEVELS if measurable(f, impostors)}
            name = f"{low:.0f}-{high:.0f}" if high <= 90 else f"{low:.0f}-"
            found[name] = BinRates(genuine, impostors, 100 * equal_error_rate(*rates), tar)
    return found
