"""What a run says it was made of."""

import hashlib
import json

import pytest

pytest.importorskip("torch", reason="needs the training extra: pip install 'faceposenet[training]'")

from fpn_core import default_model_path
from training.config import DataConfig, LoopConfig, TrainingConfig
from training.crops import LABELS
from training.provenance import PROVENANCE, provenance_of, write_provenance


def settings(folder, **loop):
    data = [DataConfig(folder=folder, rotation="label", sources=["made up"], share=0.5)]
    return TrainingConfig(name="test", data=data, loop=LoopConfig(seed=4, steps=30, **loop))


def test_a_run_names_its_seed_its_sets_and_its_start(crops_folder, tmp_path):
    write_provenance(settings(crops_folder, start_from=default_model_path(), stop_at=20), tmp_path)
    found = json.loads((tmp_path / PROVENANCE).read_text())
    assert (found["seed"], found["steps"], found["batch"]) == (4, 20, 96)
    digest = hashlib.sha256(default_model_path().read_bytes()).hexdigest()
    assert found["start_from"] == {"name": default_model_path().name, "sha256": digest}
    (one,) = found["sets"]
    assert (one["name"], one["sources"], one["share"]) == (crops_folder.name, ["made up"], 0.5)
    assert one["files"][LABELS] == hashlib.sha256((crops_folder / LABELS).read_bytes()).hexdigest()
    assert len(one["files"]) == 2


def test_a_run_from_nothing_has_no_start(crops_folder):
    assert provenance_of(settings(crops_folder))["start_from"] is None
