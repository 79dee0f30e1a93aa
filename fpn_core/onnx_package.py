"""The package `onnx`, which only those need who write model files; running them needs ONNX Runtime alone."""

from pathlib import Path
from typing import Any

from fpn_core.errors import MissingPackageError, ModelFileError


def import_onnx() -> Any:
    """The module `onnx`. Raises MissingPackageError with the way to install it."""
    try:
        import onnx  # noqa: PLC0415
    except ImportError as error:
        raise MissingPackageError(
            "writing model files needs the package onnx, which is not installed. Install it with"
            " pip install 'faceposenet[convert]'."
        ) from error
    return onnx


def load_onnx(path: Path) -> Any:
    """The ModelProto of a file. Raises MissingPackageError, or ModelFileError for a file that holds none."""
    onnx = import_onnx()
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise ModelFileError(
            f"cannot read {path}: {error.strerror}; expected a readable ONNX file. Correct the path."
        ) from error
    except Exception as error:
        # The decoder's exceptions belong to the protobuf package, which is not ours to name.
        raise ModelFileError(
            f"{path} is not an ONNX file: {error}. Expected a serialized ModelProto."
        ) from error
    if not model.graph.node:
        raise ModelFileError(f"{path} holds no network: its graph is empty. Expected an exported ONNX file.")
    return model
