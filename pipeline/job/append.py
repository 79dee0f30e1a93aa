"""Adding faces to a finished job: further parts, beside the old ones, which are not touched.

An append is written down once, in `_appends`, with the rows that it adds and the fingerprint of the job as it
is from then on, which holds that of the job before. What the ledger of the old parts was is written down too,
so that `fpn verify` can prove that it still is.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pipeline.errors import FingerprintError, JobIncompleteError, ManifestError
from pipeline.io.side_by_side import readers_of, side_by_side
from pipeline.io.storage import Folder, without_credentials
from pipeline.job.erasures import count_erasures
from pipeline.job.ledger import committed_parts, entry_name
from pipeline.job.old_rows import check_old_rows
from pipeline.job.plan import part_size
from pipeline.job.retry import planned_retries
from pipeline.manifest import Manifest

_MAY_DIFFER = ("rows", "sha256")


def adds_rows(before: dict[str, Any], inputs: dict[str, Any]) -> bool:
    """Whether inputs differ from those of a job by a longer manifest alone."""
    return _but_rows(before) == _but_rows(inputs) and inputs["manifest"]["rows"] > before["manifest"]["rows"]


def _but_rows(inputs: dict[str, Any]) -> dict[str, Any]:
    manifest = {name: value for name, value in inputs["manifest"].items() if name not in _MAY_DIFFER}
    return inputs | {"manifest": manifest}


def plan_append(
    out: Folder, job: dict[str, Any], manifest: Manifest, record: dict[str, Any], setting: int | None
) -> dict[str, Any]:
    """What is to be written down of an append.

    Args:
        out: The job's folder.
        job: The job as it is, as `stored_job` gives it.
        manifest: The longer manifest.
        record: Of the job with that manifest, as `_job.json` would have it.
        setting: `output.faces_per_part`.

    Raises:
        JobIncompleteError: the job, or a retry of it, is unfinished.
        FingerprintError: old rows are not what they were.
    """
    plan = job["plan"]
    done = committed_parts(out)
    planned = {number for number, _, _ in plan.parts()} | planned_retries(out).keys()
    if missing := len(planned - done):
        raise JobIncompleteError(
            f"the job in {without_credentials(out.location)!r} is unfinished: {missing:,} parts are missing; "
            "bring it to its end with its old manifest before --append"
        )
    try:
        check_old_rows(out, job, manifest)
    except ManifestError as error:
        raise FingerprintError(f"cannot append: {error}") from error
    rows = manifest.n_rows - plan.n_rows
    segment = {
        "first_row": plan.n_rows,
        "rows": rows,
        "first_part": max(done) + 1,
        "faces_per_part": part_size(rows, setting),
    }
    fingerprint = chained(record["fingerprint"], job["fingerprint"])
    ledger = ledger_sha256(out, sorted(done), {})
    erasures = count_erasures(out)
    return record | {
        "fingerprint": fingerprint,
        "segment": segment,
        "ledger_sha256": ledger,
        "erasures": erasures,
    }


def chained(fingerprint: str, before: str) -> str:
    """The fingerprint of a job after an append: of its inputs, and of the job before."""
    return hashlib.sha256(json.dumps([before, fingerprint]).encode()).hexdigest()


def ledger_sha256(out: Folder, parts: list[int], erased: Mapping[int, str]) -> str:
    """SHA-256 over the ledger entries of parts, byte for byte.

    `erased`: SHA-256 of entries as they were before faces of them were erased, by part.

    Example:
        ledger_sha256(Folder("out"), [0, 1, 2], {})
    """

    def sha256(part: int) -> str:
        return erased.get(part) or hashlib.sha256(out.read(entry_name(part)) or b"").hexdigest()

    digest = hashlib.sha256()
    for of_part in side_by_side(sha256, parts, readers_of(out)):
        digest.update(bytes.fromhex(of_part))
    return digest.hexdigest()
