from pathlib import Path

import pytest

from faceposenet import FacePoser
from tests.photos import write_portrait


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where views are kept, so that they are prepared once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def poser(cache_dir: Path) -> FacePoser:
    return FacePoser(device="cpu", cache_dir=cache_dir)


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_portrait(tmp_path_factory.mktemp("photos") / "astronaut.jpg")
