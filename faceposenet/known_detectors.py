"""Face detectors that are known by name: which file it is, where it comes from, and where it is kept.

The package brings none. `fpn models fetch` downloads one, once; afterwards its name stands for the file in
every command and function that takes a detector.
"""

from dataclasses import dataclass
from pathlib import Path

CACHE = Path("~/.cache/faceposenet/detectors")


@dataclass(frozen=True)
class KnownDetector:
    """A detector that can be fetched.

    Attributes:
        name: what users call it.
        file: its file name.
        url: where it is published; a commit is named, so that the content cannot change.
        sha256: hex digest of the file.
        size_bytes: its size.
        licence: its licence and whose it is.
    """

    name: str
    file: str
    url: str
    sha256: str
    size_bytes: int
    licence: str

    @property
    def path(self) -> Path:
        """Where the fetched file is kept, whether or not it is there."""
        return CACHE.expanduser() / self.file


YUNET = KnownDetector(
    name="yunet",
    file="face_detection_yunet_2023mar.onnx",
    url=(
        "https://huggingface.co/opencv/face_detection_yunet/resolve/"
        "3cc26e7f1014a5ee5d74a42acee58bafc9d0a310/face_detection_yunet_2023mar.onnx"
    ),
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size_bytes=232_589,
    licence="MIT, Shiqi Yu and contributors, from the OpenCV Zoo",
)
KNOWN_DETECTORS = {detector.name: detector for detector in (YUNET,)}


def detector_file(model: Path | str) -> Path:
    """The file that a path, or the name of a fetched detector, means. A file of that name comes first.

    Args:
        model: a path, or a name such as `yunet`.

    Returns:
        The path; it may not exist.
    """
    path = Path(model)
    known = KNOWN_DETECTORS.get(str(model))
    return path if known is None or path.is_file() else known.path


def how_to_fetch(detector: KnownDetector = YUNET) -> str:
    """One sentence on how to get a detector, also without a network.

    Args:
        detector: which one.

    Returns:
        The sentence, without a full stop.
    """
    return (
        f"fetch one once with: fpn models fetch {detector.name} ({detector.size_bytes // 1000} kB, "
        f"{detector.licence}); without a network, download {detector.url} elsewhere and give it the file: "
        f"fpn models fetch {detector.name} --from {detector.file}"
    )
