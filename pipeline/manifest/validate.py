"""What must hold for a manifest as a whole before a job starts: every face has an id of its own."""

from array import array
from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import ManifestError
from pipeline.manifest.rows import Manifest

_SHOWN = 5


@dataclass(frozen=True)
class IdsSeen:
    """What is known of all ids of a manifest. Hashes are those of this process."""

    repeated: frozenset[int]
    """Hashes that several ids have: they may be equal."""
    without_id: int | None
    """The first row without an id."""


@dataclass
class IdHashes:
    """Sees all ids of a manifest one by one, in 8 bytes of memory each."""

    _hashes: "array[int]" = field(default_factory=lambda: array("q"))
    _without_id: int | None = None

    def add(self, face_id: str) -> None:
        """See the id of the next row."""
        if self._without_id is None and not face_id.strip():
            self._without_id = len(self._hashes)
        self._hashes.append(hash(face_id))

    def seen(self) -> IdsSeen:
        """What was seen."""
        hashes = np.sort(np.frombuffer(self._hashes, dtype=np.int64))
        return IdsSeen(frozenset(hashes[1:][hashes[1:] == hashes[:-1]].tolist()), self._without_id)


def check_ids(manifest: Manifest) -> None:
    """Check that no face id is empty (or all blanks) or twice there.

    Takes 8 bytes of memory a row, for a hash of each id; ids whose hashes meet are then compared themselves.

    Raises:
        ManifestError: naming the first rows and ids at fault.
    """
    seen = manifest.ids_seen
    if seen is None:
        hashes = IdHashes()
        for ids in manifest.ids():
            for face_id in ids:
                hashes.add(face_id)
        seen = hashes.seen()
    if seen.without_id is not None:
        raise ManifestError(f"{manifest.location}: row {seen.without_id} (counted from 0) has no face id")
    if seen.repeated:
        _report_repeated(manifest, seen.repeated)


def _report_repeated(manifest: Manifest, repeated: frozenset[int]) -> None:
    rows: dict[str, list[int]] = {}
    row = 0
    for ids in manifest.ids():
        for face_id in ids:
            if hash(face_id) in repeated:
                rows.setdefault(face_id, []).append(row)
            row += 1
    twice = [(face_id, at) for face_id, at in rows.items() if len(at) > 1]
    if twice:
        shown = "; ".join(
            f"{face_id!r} in rows {', '.join(map(str, at[:3]))}" for face_id, at in twice[:_SHOWN]
        )
        raise ManifestError(
            f"{manifest.location}: {len(twice)} face ids are not unique (rows counted from 0): {shown}. "
            "Every face needs an id of its own, since results are joined by it"
        )
