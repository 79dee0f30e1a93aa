"""The pose networks that come with the package; CARD.md beside them says what they are and whose."""

from pathlib import Path

DEFAULT_MODEL = "fpn-open-v2"


def default_model_path() -> Path:
    """The network that `PoseNetwork()` loads."""
    return packaged_models()[DEFAULT_MODEL]


def packaged_models() -> dict[str, Path]:
    """The package's own networks by name: each can be asked for by it, in the place of a path."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.onnx"))}


def find_model(path: Path) -> Path:
    """The file that is meant by a path or by the name of a network of the package; a file of that name comes
    first."""
    return path if path.is_file() else packaged_models().get(str(path), path)
