"""What binds an output folder to its job: the inputs that decide its bytes, and their fingerprint."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpn_core import PoseNetwork
from pipeline.columns.digests import check_column_names, column_digests
from pipeline.config.settings import JobConfig
from pipeline.errors import FingerprintError, StorageError
from pipeline.io.image_access import image_places
from pipeline.io.storage import Folder, absolute, without_credentials
from pipeline.manifest import Manifest, check_ids, open_manifest
from pipeline.stages.part import Job, Part
from pipeline.versions import library_versions
from render_core.head import Head, geometry_sha256
from render_core.head_folder import find_head

JOB_NAME = "_job.json"
FORMAT = 1
"""Version of the output's layout; part of the fingerprint."""


@dataclass(frozen=True)
class PreparedJob:
    """A job whose manifest, model, head and output folder were checked."""

    job: Job
    parts: list[Part]
    resumed: bool

    @property
    def n_faces(self) -> int:
        return self.job.manifest.n_rows


def prepare_job(
    manifest_location: str, out_location: str, config: JobConfig, started_in: str = ""
) -> PreparedJob:
    """Open and check all inputs, bind the output folder to them, and cut the manifest into parts.

    `started_in`: folder that relative paths of images begin in, if not the present one.

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
    inputs = _inputs(manifest, config, network, find_head(config.render.head, config.render.heads_path))
    fingerprint = hashlib.sha256(_canonical(inputs)).hexdigest()
    out = Folder(out_location)
    resumed = _is_bound(out, inputs)
    if not resumed:
        check_ids(manifest)
        out.write(JOB_NAME, _job_file(manifest, config, inputs, fingerprint))
    places = image_places(manifest_location, config, started_in)
    job = Job(config, manifest, places, network.spec, out, fingerprint)
    slices = manifest.slices(config.output.faces_per_part)
    return PreparedJob(job, [Part(number, (rows,)) for number, rows in enumerate(slices)], resumed)


def stored_job(out: Folder) -> dict[str, Any]:
    """The job that a folder is bound to: `inputs`, `fingerprint`, `config`, `manifest_location`,
    `manifest_files` (size and time of each) and `started_in`, the folder that its relative paths begin in.

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
    """The job that a folder is bound to, or None.

    Raises:
        FingerprintError: a `_job.json` that is none of ours.
    """
    data = out.read(JOB_NAME)
    if data is None:
        return None
    try:
        job = json.loads(data)
        return {
            "inputs": dict(job["inputs"]),
            "fingerprint": str(job["fingerprint"]),
            "config": dict(job["config"]),
            "manifest_location": str(job["manifest_location"]),
            "manifest_files": list(job.get("manifest_files", [])),
            "started_in": str(job.get("started_in", "")),
        }
    except (ValueError, TypeError, KeyError) as error:
        raise FingerprintError(
            f"{JOB_NAME} in {out.location!r} is not of this program: {error}; name a new folder"
        ) from error


def _is_bound(out: Folder, inputs: dict[str, Any]) -> bool:
    before = read_job_file(out)
    if before is None:
        # A run that was killed while it wrote its job file leaves a temporary file with a dot.
        if any(not name.startswith(".") for name in out.names()):
            raise FingerprintError(
                f"{out.location!r} is not empty and is not an output of fpn run (it has no {JOB_NAME}); "
                "name a new folder"
            )
        return False
    now = json.loads(_canonical(inputs))
    differences = _differences(before["inputs"], now)
    if differences:
        raise FingerprintError(
            f"{out.location!r} holds the results of another job; it differs in: {'; '.join(differences)}. "
            "Give the same inputs to continue it, or name a new folder"
        )
    return True


def _inputs(manifest: Manifest, config: JobConfig, network: PoseNetwork, head: Head) -> dict[str, Any]:
    """Everything that decides the bytes of the results, but the images themselves."""
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
        "settings": config.result_settings(),
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


def _differences(before: Any, now: Any, name: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted({*before, *now})
        return [
            d for key in keys for d in _differences(before.get(key), now.get(key), f"{name}.{key}".strip("."))
        ]
    return [] if before == now else [f"{name} (there {_short(before)}, now {_short(now)})"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
