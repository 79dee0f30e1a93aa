"""The manifest that a job was made from, if it is still there and still the same."""

from typing import Any

from faceposenet.redaction import without_secrets
from pipeline.config.settings import JobConfig
from pipeline.errors import PipelineError
from pipeline.manifest import Manifest, open_manifest


class NoManifestError(Exception):
    """Why a job's manifest is not to be had, in words for people."""

    def __init__(self, why: str) -> None:
        super().__init__(without_secrets(why))


def open_bound_manifest(job: dict[str, Any], config: JobConfig, location: str | None = None) -> Manifest:
    """Open the manifest of a job.

    Size and time of its files tell whether it is the same; where they differ, as those of a copy do, all of
    it is read and its checksum compared.

    Args:
        job: As `stored_job` gives it.
        config: The job's settings.
        location: Where the manifest is by now, or with the credentials that it needs.

    Raises:
        NoManifestError: it cannot be read, or is another one.
    """
    expected = job["inputs"]["manifest"]
    place = location or job["manifest_location"]
    try:
        manifest = open_manifest(place, config.manifest, checksum=False)
        if manifest.n_rows != int(expected["rows"]):
            raise NoManifestError(
                f"the manifest has {manifest.n_rows:,} rows now, the job had {int(expected['rows']):,}"
            )
        if [[pin.size, pin.modified_ns] for pin in manifest.pins] == job["manifest_files"]:
            return manifest
        manifest = open_manifest(place, config.manifest)
    except (PipelineError, OSError) as error:
        raise NoManifestError(f"the manifest cannot be read: {error}") from error
    if manifest.sha256 != expected["sha256"]:
        raise NoManifestError(f"the manifest {place!r} has changed since the job")
    return manifest
