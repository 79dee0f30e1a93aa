"""A training set of made-up faces. What needs torch, an extra that only training needs, skips without it."""

import pytest

from tests.training.faces import made_up_faces
from training.crops import write_crops


@pytest.fixture(scope="session")
def crops_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    write_crops(folder, made_up_faces(40))
    return folder
