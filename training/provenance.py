"""What a network was made of: seed, steps, the file that it starts from, and a digest of every file of its
training sets.

It stands beside a run (`provenance.json`) and in the metadata of exported files (`training.*`).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from fpn_core.onnx_package import load_onnx
from training.config import DataConfig, TrainingConfig
from training.crops import digests
from training.start import CHECKPOINT

PROVENANCE = "provenance.json"
_PREFIX = "training."


def provenance_of(config: TrainingConfig) -> dict[str, Any]:
    """Everything that decides the weights of a run beside the code and the kind of machine.

    Args:
        config: The run's settings.

    Returns:
        Seed, steps, batch; `start_from` with its SHA-256; `sets`, of each its files with their SHA-256.

    Raises:
        TrainingDataError: A file of a training set is not there.
    """
    loop = config.loop
    start = None
    if loop.start_from is not None:
        source = loop.start_from if loop.start_from.suffix == ".onnx" else loop.start_from / CHECKPOINT
        # A start that is not there is refused where it is loaded.
        start = {"name": loop.start_from.name, "sha256": _sha256(source) if source.is_file() else None}
    return {
        "seed": loop.seed,
        "steps": loop.last_step,
        "batch": loop.batch,
        "start_from": start,
        "sets": [_set(data) for data in config.data],
    }


def _set(data: DataConfig) -> dict[str, Any]:
    files = digests(data.folder, data.table, data.rotations)
    return {"name": data.folder.name, "sources": data.sources, "share": data.share, "files": files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_provenance(config: TrainingConfig, out: Path) -> None:
    """Writes `provenance.json` in the folder of a run."""
    (out / PROVENANCE).write_text(json.dumps(provenance_of(config), indent=1) + "\n", encoding="utf-8")


def add_provenance(network: Path, out: Path) -> None:
    """Adds what stands beside the run in `out` to the metadata of an exported file."""
    model = load_onnx(network)
    for key, value in json.loads((out / PROVENANCE).read_text(encoding="utf-8")).items():
        model.metadata_props.add(key=_PREFIX + key, value=json.dumps(value))
    network.write_bytes(model.SerializeToString())
