"""What a worker does with a chunk of photos: finds the faces and keeps them, unless an earlier run did."""

import json
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.engine.messages import Buffers, Received
from pipeline.engine.quarantine import Care, Report
from pipeline.manifest.build.chunks import ChunkStore, Totals
from pipeline.manifest.build.find import Chunk, Finder, FinderSettings


@dataclass(frozen=True)
class Finding:
    """All that a worker needs to know; the same value in every process."""

    settings: FinderSettings
    folder: str
    """That of the manifest, to which images are relative."""
    store: ChunkStore


def make_setup(finding: Finding) -> bytes:
    """What `make_finder` needs, for the way to another process."""
    return pickle.dumps(finding)


def make_item(number: int, chunk: Chunk) -> Buffers:
    """A chunk, as `make_finder` takes it."""
    return {"chunk": pickle.dumps((number, chunk), protocol=5)}


def read_result(fields: dict[str, Any]) -> tuple[Totals, bool]:
    """The counts of a chunk from its JSON, and whether an earlier run had done it."""
    counts = fields["totals"]
    return Totals(**{**counts, "rejected": Counter(counts["rejected"])}), bool(fields["resumed"])


def make_finder(setup: bytes, report: Report) -> Callable[[Received, Care], Buffers]:
    """The stage `find` of `pipeline.stages.registry`: a chunk in, its counts as JSON out."""
    finding: Finding = pickle.loads(setup)
    finder = Finder(finding.settings, finding.folder, report)

    def find(item: Received, care: Care) -> Buffers:
        number, chunk = pickle.loads(item["chunk"])
        totals = finding.store.totals(number, chunk)
        resumed = totals is not None
        if totals is None:
            totals = finding.store.write(number, chunk, finder(chunk, care))
        return {"entry": json.dumps({"part": number, "totals": vars(totals), "resumed": resumed}).encode()}

    return find
