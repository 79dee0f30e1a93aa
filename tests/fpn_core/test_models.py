"""The networks that come with the package."""

from pathlib import Path

import numpy as np
import pytest

from fpn_core import ModelFileError, PoseNetwork, default_model_path, inspect_model
from fpn_core.models import DEFAULT_MODEL, find_model, packaged_models


def test_every_network_lies_in_the_package_beside_the_card_that_names_it():
    path = default_model_path()
    assert path.is_file() and path.parent.name == "models"
    card = (path.parent / "CARD.md").read_text()
    assert all(name in card for name in packaged_models())


@pytest.mark.parametrize("name", packaged_models())
def test_every_network_describes_itself_and_is_found_by_its_name(name):
    spec = PoseNetwork(Path(name), device="cpu").spec
    assert spec.name == name
    assert spec.licence.startswith("MIT; Copyright (c) 2026 the faceposenet authors")
    assert spec.camera.size_px == 227 and spec.size_px == 112
    assert inspect_model(Path(name)).problem is None


def test_without_a_path_the_default_is_loaded():
    assert PoseNetwork(device="cpu").spec.name == DEFAULT_MODEL


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(DEFAULT_MODEL).write_bytes(b"mine")
    assert find_model(Path(DEFAULT_MODEL)).read_bytes() == b"mine"


def test_a_name_that_is_none_of_them_lists_them():
    with pytest.raises(ModelFileError, match=DEFAULT_MODEL):
        PoseNetwork(Path("fpn-closed-v9"), device="cpu")


def test_a_crop_without_a_face_still_gets_a_pose_that_is_one():
    poses = PoseNetwork(device="cpu")(np.zeros((2, 112, 112, 3), np.uint8))
    assert poses.finite.all()
