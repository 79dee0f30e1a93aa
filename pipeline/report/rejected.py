"""The rejected faces of a job as things stand: how many for which reason, and a few of each."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from pipeline.io.storage import Folder
from pipeline.job.retry import retried_rows
from pipeline.report.part_tables import read_columns
from pipeline.report.tally import Place, Smallest


@dataclass
class RejectedTally:
    """What is told of all faces that stand rejected."""

    by_reason: Counter[str] = field(default_factory=Counter)
    by_stage: dict[str, Counter[str]] = field(default_factory=dict)
    """Reason -> stage -> faces."""
    examples: dict[str, Smallest] = field(default_factory=dict)
    """Reason -> a few random rows."""

    @property
    def faces(self) -> int:
        return self.by_reason.total()

    def places_of(self, reason: str) -> list[Place]:
        """Where the examples of a reason are."""
        return self.examples[reason].places if reason in self.examples else []


def tally_rejected(
    out: Folder, parts: list[int], shown: int, seed: int, committed: set[int] | None = None
) -> RejectedTally:
    """Count the standing rejects: a face that was tried again counts by its last try alone.

    `shown`: number of examples for each reason, the same ones for the same `seed`. `committed`: all parts of
    the job that are done, where `parts` are only some of them.

    Raises:
        StorageError: a file of rejects that is missing or torn.
    """
    tally = RejectedTally()
    retried = retried_rows(out)
    last_try = {
        row: part for part in sorted(set(retried) & (committed or set(parts))) for row in retried[part]
    }
    tables = read_columns(out, "rejects", parts, ("row", "stage", "reason"))
    for part, batches in zip(parts, tables, strict=True):
        start = 0
        for batch in batches:
            row = batch["row"].to_numpy()
            stands = np.array([last_try.get(int(r), part) == part for r in row], dtype=bool)
            reason = np.array(batch["reason"].to_pylist(), dtype=object)
            stage = np.array(batch["stage"].to_pylist(), dtype=object)
            scores = np.random.default_rng([seed, part, start]).random(len(batch))
            for name in sorted(set(reason[stands])):
                of_it = stands & (reason == name)
                tally.by_reason[name] += int(of_it.sum())
                tally.by_stage.setdefault(name, Counter()).update(stage[of_it])
                examples = tally.examples.setdefault(name, Smallest(shown))
                examples.add(scores[of_it], part, start + np.flatnonzero(of_it))
            start += len(batch)
    return tally
