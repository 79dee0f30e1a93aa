"""Everything that fpn_core raises on purpose.

    FpnError
    |-- BoxError                a face box or crop window that no crop can be made of
    |-- GeometryError           a camera, pose or angle that is not one
    |-- MissingPackageError     an optional package that the task needs is not installed
    `-- ModelError              a pose network that cannot be used
        |-- CheckpointError     a folder of the original project that is not what it should be
        |-- ModelFileError      no such file, or not an ONNX network that ONNX Runtime can load
        |-- ModelMetadataError  the file does not say, or says wrongly, what goes in and what comes out
        |-- ModelInputError     crops that do not fit the network
        |-- ModelOutputError    outputs that are not what the metadata promise
        `-- ProviderError       the asked-for device cannot run it

Every message says what was found, what was expected and what to do. Faults of single faces inside a batch
are not exceptions: they are masks (`valid_boxes`, `PoseBatch.finite`).
"""


class FpnError(Exception):
    """Root of the tree."""


class BoxError(FpnError):
    """A face box or crop window that no crop can be made of."""


class GeometryError(FpnError):
    """A camera, pose or angle that is not one."""


class MissingPackageError(FpnError):
    """An optional package that the task needs is not installed."""


class ModelError(FpnError):
    """A pose network that cannot be used."""


class CheckpointError(ModelError):
    """A folder of the original project that is not what it should be."""


class ModelFileError(ModelError):
    """No such file, or not an ONNX network that ONNX Runtime can load."""


class ModelMetadataError(ModelError):
    """The model file does not say, or says wrongly, what goes in and what comes out."""


class ModelInputError(ModelError):
    """Crops that do not fit the network."""


class ModelOutputError(ModelError):
    """Outputs that are not what the metadata promise."""


class ProviderError(ModelError):
    """The asked-for device cannot run the network."""
