"""The pose networks that come with the package; CARD.md in this folder describes them."""

from pathlib import Path

DEFAULT_MODEL = "fpn-open-v3"


def default_model_path() -> Path:
    """Returns the file of the network that `PoseNetwork()` loads.

    Example:
        >>> default_model_path().suffix
        '.onnx'
    """
    return packaged_models()[DEFAULT_MODEL]


def packaged_models() -> dict[str, Path]:
    """Returns the package's own networks by name. A name can be given wherever a path can."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.onnx"))}


def find_model(path: Path) -> Path:
    """Finds the file meant by a path or by the name of a network of the package.

    Args:
        path: a path, which comes first where such a file exists, or a name.

    Returns:
        The file, or `path` as it is where neither exists.
    """
    return path if path.is_file() else packaged_models().get(str(path), path)
