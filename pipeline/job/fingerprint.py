"""What binds an output folder to its job: the inputs that decide its bytes, and their fingerprint."""

import hashlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpn_core import PoseNetwork
from pipeline.columns.digests import check_column_names, column_digests
from pipeline.config.settings import JobConfig
from pipeline.errors import FingerprintError, JobIncompleteError, StorageUnavailableError
from pipeline.io.image_access import image_places
from pipeline.io.storage import Folder, absolute, without_credentials
from pipeline.job.append import adds_rows, plan_append
from pipeline.job.job_file import JOB_NAME, append_name, read_job_file, stored_job
from pipeline.job.plan import Plan, part_size
from pipeline.manifest import Manifest, Slice, check_ids, open_manifest
from pipeline.stages.part import Job, Part
from pipeline.tables_in import MANIFEST_FOLDER
from pipeline.versions import library_versions
from render_core.head import Head, geometry_sha256
from render_core.head_folder import find_head

FORMAT = 1
"""Version of the output's layout; part of the fingerprint."""


# Of several machines that start one job at the same time, all may see another's claim to the job file.
_BINDING_ATTEMPTS, _LONGEST_PAUSE_S = 20, 0.5


@dataclass(frozen=True)
class PreparedJob:
    """A job whose manifest, model, head and output folder were checked."""

    job: Job
    plan: Plan
    slices: list[Slice]
    """Those of the plan's parts."""
    resumed: bool

    @property
    def parts(self) -> list[Part]:
        """All parts of the plan."""
        return self.parts_where(lambda number: True)

    def parts_where(self, wanted: Callable[[int], bool]) -> list[Part]:
        """The parts of the plan whose numbers are wanted."""
        numbered = zip(self.plan.parts(), self.slices, strict=True)
        return [Part(number, (rows,)) for (number, _, _), rows in numbered if wanted(number)]

    @property
    def n_faces(self) -> int:
        return self.job.manifest.n_rows


def prepare_job(
    manifest_location: str,
    out_location: str,
    config: JobConfig,
    started_in: str = "",
    *,
    append: bool = False,
) -> PreparedJob:
    """Open and check all inputs, bind the output folder to them, and cut the manifest into parts.

    `started_in`: folder that relative paths of images begin in, if not the present one. `append`: whether the
    manifest may be longer than that of the finished job in the folder.

    Nothing is written before every check has passed. The check for repeated ids is left out where the folder
    is already bound to the same manifest.

    Raises:
        ManifestError, ConfigError, StorageError: see `open_manifest`, `check_ids`, `Folder`.
        FingerprintError: the folder holds another job's results, or other files.
        FpnError, RenderError: a model or head that cannot be used.
    """
    manifest = open_manifest(manifest_location, config.manifest)
    check_column_names(config.columns, manifest.carried_schema.names)
    network = PoseNetwork(config.pose.model_path, device="cpu", expected_sha256=config.pose.model_sha256)
    head = find_head(config.render.head, config.render.heads_path)
    out = Folder(out_location)
    before = _bound(out)
    size = None if before is None else before["inputs"]["settings"]["output"]["faces_per_part"]
    inputs = _inputs(manifest, config, network, head, size)
    resumed = before is not None
    if before is None:
        check_ids(manifest)
        before = _bind(out, manifest, config, inputs)
    elif append and adds_rows(before["inputs"], json.loads(_canonical(inputs))):
        before = _append(out, before, manifest, config, inputs)
    _check_same(out, before["inputs"], inputs)
    places = image_places(manifest_location, config, started_in)
    job = Job(config, manifest, places, network.spec, out, before["fingerprint"])
    return PreparedJob(job, before["plan"], manifest.cut(before["plan"].starts()), resumed)


def _bound(out: Folder) -> dict[str, Any] | None:
    """The job that a folder is bound to, or None for an empty one.

    Raises:
        FingerprintError: the folder holds other files.
    """
    before = read_job_file(out)
    # A run that was killed while it wrote its job file leaves a temporary file with a dot.
    if before is None and any(not name.startswith(".") and name != MANIFEST_FOLDER for name in out.names()):
        # It may be a job that another machine began between the two looks.
        before = read_job_file(out)
        if before is None:
            raise FingerprintError(
                f"{out.location!r} is not empty and is not an output of fpn run (it has no {JOB_NAME}); "
                "name a new folder"
            )
    return before


def _bind(out: Folder, manifest: Manifest, config: JobConfig, inputs: dict[str, Any]) -> dict[str, Any]:
    """Write the job file, unless another machine just does; gives the job that the folder is bound to."""
    data = _job_file(manifest, config, inputs, fingerprint_of(inputs))
    for attempt in range(_BINDING_ATTEMPTS):
        written = out.create(JOB_NAME, data)
        job = read_job_file(out)
        if job is not None:
            return job
        if not written:
            time.sleep(random.uniform(0, _LONGEST_PAUSE_S * (attempt + 1) / _BINDING_ATTEMPTS))
    raise StorageUnavailableError(
        f"cannot write {JOB_NAME} into {without_credentials(out.location)!r}: others try to at the same "
        "time; give the same command again"
    )


def _append(
    out: Folder, before: dict[str, Any], manifest: Manifest, config: JobConfig, inputs: dict[str, Any]
) -> dict[str, Any]:
    """Write down that rows are added, unless another machine just does; gives the job as it is then."""
    record = json.loads(_job_file(manifest, config, inputs, fingerprint_of(inputs)))
    record = plan_append(out, before, manifest, record, config.output.faces_per_part)
    check_ids(manifest)
    name, data = append_name(len(before["appends"]) + 1), json.dumps(record, indent=1, sort_keys=True)
    for attempt in range(_BINDING_ATTEMPTS):
        written = out.create(name, data.encode())
        job = stored_job(out)
        if len(job["appends"]) > len(before["appends"]):
            if not written and differing(job["inputs"], json.loads(_canonical(inputs))):
                raise JobIncompleteError(
                    f"another append to {without_credentials(out.location)!r} has just begun; wait for its "
                    "end, then append to what it made"
                )
            return job
        time.sleep(random.uniform(0, _LONGEST_PAUSE_S * (attempt + 1) / _BINDING_ATTEMPTS))
    raise StorageUnavailableError(
        f"cannot write {name} into {without_credentials(out.location)!r}: others try to at the same "
        "time; give the same command again"
    )


def _check_same(out: Folder, before: dict[str, Any], inputs: dict[str, Any]) -> None:
    differences = differing(before, json.loads(_canonical(inputs)))
    if differences:
        longer = adds_rows(before, json.loads(_canonical(inputs)))
        raise FingerprintError(
            f"{out.location!r} holds the results of another job; it differs in: {'; '.join(differences)}. "
            "Give the same inputs to continue it, or name a new folder"
            + (", or add the new rows with --append" if longer else "")
        )


def fingerprint_of(inputs: dict[str, Any]) -> str:
    """SHA-256 of all that decides the results."""
    return hashlib.sha256(_canonical(inputs)).hexdigest()


def _inputs(
    manifest: Manifest, config: JobConfig, network: PoseNetwork, head: Head, size_before: int | None
) -> dict[str, Any]:
    """Everything that decides the bytes of the results, but the images themselves.

    `size_before`: faces of a part, where the job was begun before and the settings leave the size open.
    """
    settings = config.result_settings()
    size = config.output.faces_per_part or size_before
    settings["output"]["faces_per_part"] = part_size(manifest.n_rows, size)
    return {
        "format": FORMAT,
        "manifest": {
            "kind": manifest.kind,
            "rows": manifest.n_rows,
            "sha256": manifest.sha256,
            "carried": {field.name: str(field.type) for field in manifest.carried_schema},
        },
        "columns": column_digests(config.columns),
        "model": {"name": network.spec.name, "sha256": network.sha256},
        "head": {"name": config.render.head, "sha256": geometry_sha256(head)},
        "settings": settings,
    }


def _job_file(manifest: Manifest, config: JobConfig, inputs: dict[str, Any], fingerprint: str) -> bytes:
    record = {
        "fingerprint": fingerprint,
        "inputs": inputs,
        "manifest_location": absolute(without_credentials(manifest.location)),
        "manifest_files": [[pin.size, pin.modified_ns] for pin in manifest.pins],
        "started_in": str(Path.cwd()),
        "config": config.shown(),
        "versions": library_versions(),
    }
    return json.dumps(record, indent=1, sort_keys=True).encode()


def _canonical(inputs: dict[str, Any]) -> bytes:
    return json.dumps(inputs, sort_keys=True).encode()


def differing(before: Any, now: Any, name: str = "") -> list[str]:
    """What differs between two jobs' inputs, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted({*before, *now})
        return [
            d for key in keys for d in differing(before.get(key), now.get(key), f"{name}.{key}".strip("."))
        ]
    return [] if before == now else [f"{name} (there {_short(before)}, now {_short(now)})"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
