"""The errors that stop a job, each with what was found, what was expected and what to do.

A bad face is not among them: it becomes a row of the rejects (see `reasons`).

    PipelineError
    ├── ConfigError          a setting that does not exist or has no valid value
    ├── ManifestError        a manifest that cannot be read, or breaks the contract as a whole
    ├── StorageError         a path or object store that cannot be read or written
    │   ├── UnknownSchemeError       a URI that nothing here can open
    │   └── StorageUnavailableError  a store that fails again and again; nobody's face is to blame
    ├── FingerprintError     an output folder that holds another job's results
    ├── ResourceError        a cluster or machine without what the configuration asks for
    └── JobIncompleteError   faces that are neither posed nor rejected, or too many rejects
"""

from faceposenet.redaction import without_secrets


class PipelineError(Exception):
    """Base of all errors of the job; the command line prints its text without a trace."""

    def __init__(self, message: str) -> None:
        super().__init__(without_secrets(message))


class ConfigError(PipelineError):
    """A setting that does not exist or has no valid value."""


class ManifestError(PipelineError):
    """A manifest that cannot be read, or breaks the contract as a whole."""


class StorageError(PipelineError):
    """A path or object store that cannot be read or written."""


class UnknownSchemeError(StorageError):
    """A URI that nothing here can open."""


class StorageUnavailableError(StorageError):
    """A store that fails again and again; nobody's face is to blame."""


class FingerprintError(PipelineError):
    """An output folder that holds the results of another job."""


class ResourceError(PipelineError):
    """A cluster or machine without what the configuration asks for."""


class JobIncompleteError(PipelineError):
    """Faces that are neither posed nor rejected, or more rejects than allowed."""
