"""What must hold for a manifest as a whole before a job starts: every face has an id of its own."""

import numpy as np

from pipeline.errors import ManifestError
from pipeline.manifest.rows import Manifest

_SHOWN = 5


def check_ids(manifest: Manifest) -> None:
    """Check that no face id is empty (or all blanks) or twice there.

    Takes 8 bytes of memory a row, for a hash of each id; ids whose hashes meet are then compared themselves.

    Raises:
        ManifestError: naming the first rows and ids at fault.
    """
    hashes = np.empty(manifest.n_rows, dtype=np.int64)
    row = 0
    for ids in manifest.ids():
        for face_id in ids:
            if not face_id.strip():
                raise ManifestError(f"{manifest.location}: row {row} (counted from 0) has no face id")
            hashes[row] = hash(face_id)
            row += 1
    hashes.sort()
    repeated = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    if repeated:
        _report_repeated(manifest, repeated)


def _report_repeated(manifest: Manifest, repeated: set[int]) -> None:
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
