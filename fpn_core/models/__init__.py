"""The pose networks that come with the package; CARD.md beside them says what they are and whose."""

from pathlib import Path


def default_model_path() -> Path:
    """The network that `PoseNetwork()` loads."""
    return Path(__file__).parent / "fpn-open-v0.onnx"
