"""What an output folder says of its job: `_job.json`, and a file in `_appends` for each time rows were added.

Each of these files is written once and never changed.
"""

import json
import re
from typing import Any

from pipeline.errors import FingerprintError, StorageError
from pipeline.io.storage import Folder, without_credentials
from pipeline.job.plan import Plan, Segment, part_size

JOB_NAME = "_job.json"
APPENDS = "_appends"
_APPEND_NAME = re.compile(r"\d{4,}\.json")
_OF_AN_APPEND = ("inputs", "fingerprint", "manifest_location", "manifest_files", "started_in")


def append_name(number: int) -> str:
    """What the file of the n-th append is called, from 1 on."""
    return f"{APPENDS}/{number:04d}.json"


def stored_job(out: Folder) -> dict[str, Any]:
    """The job that a folder is bound to, as it is after the last append.

    Returns:
        `inputs`, `fingerprint`, `config`, `manifest_location`, `manifest_files` (size and time of each),
        `started_in` (the folder that its relative paths begin in), `plan` (a `Plan`) and `appends` (the
        records of all appends).

    Raises:
        StorageError: the folder is not the output of a job.
        FingerprintError: a `_job.json` that is none of ours.
    """
    job = read_job_file(out)
    if job is None:
        raise StorageError(
            f"{without_credentials(out.location)!r} is not an output of fpn run: it has no {JOB_NAME}; "
            "name the folder that was OUT there"
        )
    return job


def read_job_file(out: Folder) -> dict[str, Any] | None:
    """The job that a folder is bound to, or None; see `stored_job`.

    Raises:
        FingerprintError: a `_job.json` that is none of ours.
    """
    data = out.read(JOB_NAME)
    if data is None:
        return None
    name = JOB_NAME
    try:
        job = json.loads(data)
        record: dict[str, Any] = {
            "inputs": dict(job["inputs"]),
            "fingerprint": str(job["fingerprint"]),
            "config": dict(job["config"]),
            "manifest_location": str(job["manifest_location"]),
            "manifest_files": list(job.get("manifest_files", [])),
            "started_in": str(job.get("started_in", "")),
        }
        rows = int(record["inputs"]["manifest"]["rows"])
        size = part_size(rows, record["inputs"]["settings"]["output"]["faces_per_part"])
        segments, appends = [Segment(0, rows, 0, size, record["fingerprint"])], []
        for found in filter(_APPEND_NAME.fullmatch, out.names(APPENDS)):
            name = f"{APPENDS}/{found}"
            append = json.loads(out.read(name) or b"")
            record |= {key: append[key] for key in _OF_AN_APPEND}
            segments.append(Segment(**append["segment"], fingerprint=append["fingerprint"]))
            appends.append(append)
    except (ValueError, TypeError, KeyError) as error:
        raise FingerprintError(
            f"{name} in {out.location!r} is not of this program: {error}; name a new folder"
        ) from error
    return record | {"plan": Plan(tuple(segments)), "appends": appends}
