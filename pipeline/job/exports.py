"""Exports that were made of a job, so that those that hold faces which were erased since can be named."""

import contextlib
import hashlib
import json

from pipeline.errors import StorageError
from pipeline.io.storage import Folder, absolute, without_credentials
from pipeline.job.erasures import count_erasures

EXPORTS = "_exports"


def note_export(out: Folder, dest: str) -> None:
    """Note that an export of the job was made. A folder that cannot take the note gets none."""
    shown = absolute(without_credentials(dest))
    record = {"dest": shown, "erasures": count_erasures(out)}
    name = hashlib.sha256(shown.encode()).hexdigest()[:16]
    with contextlib.suppress(StorageError):
        out.write(f"{EXPORTS}/{name}.json", json.dumps(record).encode())


def stale_exports(out: Folder) -> list[str]:
    """Where exports are that were made before the last erasure, as far as the job knows of them."""
    erasures = count_erasures(out)
    stale = []
    for name in out.names(EXPORTS):
        if not name.endswith(".json"):
            continue
        with contextlib.suppress(ValueError, KeyError, TypeError):  # whatever another program wrote there
            record = json.loads(out.read(f"{EXPORTS}/{name}") or b"")
            if int(record["erasures"]) < erasures:
                stale.append(str(record["dest"]))
    return sorted(stale)
